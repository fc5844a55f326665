# A second instance fences the first and aborts what it had open.
init
----
record: a v1 Empty 1001/0 previous=1001 next=-1 client=0 started never
ok 1001/0

produce of=t-0,t-1
----
record: a v1 Ongoing 1001/0 previous=1001 next=-1 client=2 t[0 1] started +0s
ok ok

init
----
record: a v1 PrepareAbort 1001/1 previous=1001 next=-1 client=2 t[0 1] started +0s
markers: a 1001/1 commit=false [{t 0} {t 1}]
CONCURRENT_TRANSACTIONS -1/-1

init
----
CONCURRENT_TRANSACTIONS -1/-1

# The first instance: whatever it tries.
produce of=t-2
----
PRODUCER_FENCED

verify of=t-0
----
PRODUCER_FENCED

commit
----
INVALID_TXN_STATE -1/-1

written epoch=1
----
record: a v1 CompleteAbort 1001/1 previous=1001 next=-1 client=2 started +0s
done

init
----
record: a v1 Empty 1001/2 previous=1001 next=-1 client=2 started never
ok 1001/2

produce of=t-0
----
PRODUCER_FENCED

commit
----
PRODUCER_FENCED -1/-1

# With its id it cannot come back either (KIP-360).
init pid=1001 epoch=0
----
PRODUCER_FENCED -1/-1

init pid=5 epoch=0
----
PRODUCER_FENCED -1/-1

# The second goes on after an error, and retries that.
init pid=1001 epoch=2
----
record: a v1 Empty 1001/3 previous=1001 next=-1 client=2 started never
ok 1001/3

init pid=1001 epoch=2
----
record: a v1 Empty 1001/3 previous=1001 next=-1 client=2 started never
ok 1001/3

init pid=1001 epoch=1
----
PRODUCER_FENCED -1/-1

# V1: the epoch that fences is one that was never given.
params version=1
----
(nothing)

init
----
record: a v1 Empty 1001/0 previous=1001 next=-1 client=0 started never
ok 1001/0

add
----
record: a v1 Ongoing 1001/0 previous=1001 next=-1 client=0 t[0] started +0s
ok

init
----
record: a v1 PrepareAbort 1001/1 previous=1001 next=-1 client=0 t[0] started +0s
markers: a 1001/1 commit=false [{t 0}]
CONCURRENT_TRANSACTIONS -1/-1

commit v=4
----
PRODUCER_FENCED -1/-1

abort v=4
----
PRODUCER_FENCED -1/-1

written epoch=1
----
record: a v1 CompleteAbort 1001/1 previous=1001 next=-1 client=0 started +0s
done

init
----
record: a v1 Empty 1001/2 previous=1001 next=-1 client=0 started never
ok 1001/2

# Refusals.
init timeout=16m
----
INVALID_TRANSACTION_TIMEOUT -1/-1

init timeout=0s
----
INVALID_TRANSACTION_TIMEOUT -1/-1

init pid=1 epoch=-1
----
INVALID_REQUEST -1/-1
