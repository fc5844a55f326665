import java.io.BufferedOutputStream;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.EOFException;
import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.io.PrintStream;
import java.lang.reflect.InvocationTargetException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import org.apache.kafka.common.utils.Exit;

/**
 * Runs the main methods of Kafka's tools one after the other in one JVM, since
 * most of a tool's second is the start of its JVM. A request on stdin is a count
 * of texts, then the standard input of the tool, its class and its arguments,
 * each with its length; an answer on stdout is the exit status and what the tool
 * wrote to stdout and stderr. The end of stdin ends the process.
 */
public final class Tools {
    /** What Exit.exit throws here. */
    private static final class Ended extends Error {
        final int status;

        Ended(int status) {
            super("exit " + status, null, false, false);
            this.status = status;
        }
    }

    private static final List<Runnable> hooks = new ArrayList<>();
    private static Ended first; // that the tool asked for

    /** Tools catch what Exit throws: only their first wish counts, and nothing that they say after it. */
    private static void exit(int status) {
        if (first == null) {
            first = new Ended(status);
            System.setOut(new PrintStream(OutputStream.nullOutputStream()));
            System.setErr(new PrintStream(OutputStream.nullOutputStream()));
        }
        throw first;
    }

    public static void main(String[] none) throws Exception {
        DataInputStream in = new DataInputStream(System.in);
        DataOutputStream out = new DataOutputStream(new BufferedOutputStream(new FileOutputStream(FileDescriptor.out)));
        Exit.setExitProcedure((status, message) -> exit(status));
        Exit.setHaltProcedure((status, message) -> exit(status));
        Exit.setShutdownHookAdder((name, hook) -> hooks.add(hook));
        for (;;) {
            String[] request = new String[0];
            try {
                request = new String[in.readInt()];
            } catch (EOFException e) {
                return;
            }
            for (int i = 0; i < request.length; i++) {
                request[i] = new String(in.readNBytes(in.readInt()), StandardCharsets.UTF_8);
            }
            answer(request, out);
        }
    }

    private static void answer(String[] request, DataOutputStream out) throws IOException {
        ByteArrayOutputStream stdout = new ByteArrayOutputStream();
        ByteArrayOutputStream stderr = new ByteArrayOutputStream();
        System.setIn(new ByteArrayInputStream(request[0].getBytes(StandardCharsets.UTF_8)));
        System.setOut(new PrintStream(stdout, true, StandardCharsets.UTF_8));
        System.setErr(new PrintStream(stderr, true, StandardCharsets.UTF_8));
        int status = run(request[1], java.util.Arrays.copyOfRange(request, 2, request.length));
        out.writeInt(status);
        for (ByteArrayOutputStream words : List.of(stdout, stderr)) {
            out.writeInt(words.size());
            words.writeTo(out);
        }
        out.flush();
    }

    private static int run(String tool, String[] args) {
        first = null;
        int status = 0;
        try {
            Class.forName(tool).getMethod("main", String[].class).invoke(null, (Object) args);
        } catch (InvocationTargetException e) {
            if (first == null) {
                e.getCause().printStackTrace();
                status = 1;
            }
        } catch (ReflectiveOperationException e) {
            e.printStackTrace();
            status = 127;
        }
        status = first == null ? status : first.status;
        hooks.forEach(Runnable::run);
        hooks.clear();
        return status;
    }
}
