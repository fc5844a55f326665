# A transaction that runs out of time is aborted; V2 lets its producer go on.
init timeout=30s
----
record: a v1 Empty 1001/0 previous=1001 next=-1 client=0 started never
ok 1001/0

produce
----
record: a v1 Ongoing 1001/0 previous=1001 next=-1 client=2 t[0] started +0s
ok

sleep for=30s
----
(nothing)

sleep for=10s
----
record: a v1 PrepareAbort 1001/1 previous=1001 next=-1 client=2 t[0] started +0s
markers: a 1001/1 commit=false [{t 0}]

produce
----
PRODUCER_FENCED

commit
----
INVALID_TXN_STATE -1/-1

abort
----
CONCURRENT_TRANSACTIONS -1/-1

written epoch=1
----
record: a v1 CompleteAbort 1001/1 previous=1001 next=-1 client=2 started +0s
done

abort
----
ok 1001/1

produce epoch=1
----
record: a v1 Ongoing 1001/1 previous=1001 next=-1 client=2 t[0] started +40s
ok

# V1 fences it.
params version=1
----
(nothing)

init timeout=5s
----
record: a v1 Empty 1001/0 previous=1001 next=-1 client=0 started never
ok 1001/0

add
----
record: a v1 Ongoing 1001/0 previous=1001 next=-1 client=0 t[0] started +0s
ok

sleep for=20s
----
record: a v1 PrepareAbort 1001/1 previous=1001 next=-1 client=0 t[0] started +0s
markers: a 1001/1 commit=false [{t 0}]

written epoch=1
----
record: a v1 CompleteAbort 1001/1 previous=1001 next=-1 client=0 started +0s
done

abort v=4
----
PRODUCER_FENCED -1/-1

init
----
record: a v1 Empty 1001/2 previous=1001 next=-1 client=0 started never
ok 1001/2

# An id that is not used for seven days is forgotten; an open transaction would
# keep it.
init id=b timeout=15m
----
record: b v1 Empty 1004/0 previous=1004 next=-1 client=0 started never
ok 1004/0

sleep for=167h
----
(nothing)

produce id=b pid=1004
----
record: b v1 Ongoing 1004/0 previous=1004 next=-1 client=2 t[0] started +167h0m20s
ok

sleep for=2h
----
record: b v1 PrepareAbort 1004/1 previous=1004 next=-1 client=0 t[0] started +167h0m20s
markers: b 1004/1 commit=false [{t 0}]
record: a removed

list
----
ok b/1004/PrepareAbort
