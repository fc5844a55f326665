# The last epoch of a producer id: V2 gives another id with the end.
exhaust pid=1001 epoch=32766
----
record: a v1 Empty 1001/32766 previous=1001 next=-1 client=0 started never

produce epoch=32766
----
record: a v1 Ongoing 1001/32766 previous=1001 next=-1 client=2 t[0] started +0s
ok

commit epoch=32766
----
record: a v1 PrepareCommit 1001/32767 previous=1001 next=2001 client=2 t[0] started +0s
markers: a 1001/32767 commit=true [{t 0}]
ok 2001/0

commit epoch=32766
----
CONCURRENT_TRANSACTIONS -1/-1

restart
----
markers: a 1001/32767 commit=true [{t 0}]

written epoch=32767
----
record: a v1 CompleteCommit 2001/0 previous=1001 next=-1 client=2 started +0s
done

# The retry of the lost answer names the old id.
commit epoch=32766
----
ok 2001/0

abort epoch=32766
----
INVALID_TXN_STATE -1/-1

produce pid=1001 epoch=32766
----
INVALID_PRODUCER_ID_MAPPING

produce pid=1001 epoch=0
----
INVALID_PRODUCER_ID_MAPPING

# Fencing uses the one epoch above, and then another id is given.
exhaust pid=1001 epoch=32766
----
record: a v1 Empty 1001/32766 previous=1001 next=-1 client=0 started never

produce epoch=32766
----
record: a v1 Ongoing 1001/32766 previous=1001 next=-1 client=2 t[0] started +0s
ok

init
----
record: a v1 PrepareAbort 1001/32767 previous=1001 next=-1 client=2 t[0] started +0s
markers: a 1001/32767 commit=false [{t 0}]
CONCURRENT_TRANSACTIONS -1/-1

written epoch=32767
----
record: a v1 CompleteAbort 1001/32767 previous=1001 next=-1 client=2 started +0s
done

init
----
record: a v1 Empty 2002/0 previous=1001 next=-1 client=2 started never
ok 2002/0

# A producer that goes on after an error; its retry names the old id.
exhaust pid=1001 epoch=32766
----
record: a v1 Empty 1001/32766 previous=1001 next=-1 client=0 started never

init pid=1001 epoch=32766
----
record: a v1 Empty 2001/0 previous=1001 next=-1 client=0 started never
ok 2001/0

init pid=1001 epoch=32766
----
record: a v1 Empty 2001/0 previous=2001 next=-1 client=0 started never
ok 2001/0

init pid=1001 epoch=32765
----
PRODUCER_FENCED -1/-1

# V1.
exhaust pid=1001 epoch=32766 version=1
----
record: a v1 Empty 1001/32766 previous=1001 next=-1 client=0 started never

add epoch=32766
----
record: a v1 Ongoing 1001/32766 previous=1001 next=-1 client=0 t[0] started +0s
ok

commit epoch=32766 v=4
----
record: a v1 PrepareCommit 1001/32766 previous=1001 next=-1 client=0 t[0] started +0s
markers: a 1001/32766 commit=true [{t 0}]
ok -1/-1

written epoch=32766
----
record: a v1 CompleteCommit 1001/32766 previous=1001 next=-1 client=0 started +0s
done

init
----
record: a v1 Empty 2002/0 previous=1001 next=-1 client=0 started never
ok 2002/0
