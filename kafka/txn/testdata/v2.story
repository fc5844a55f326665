# A producer of transactions V2: partitions come with Produce, and every end
# bumps the epoch.
init
----
record: a v1 Empty 1001/0 previous=1001 next=-1 client=0 started never
ok 1001/0

produce of=t-0
----
record: a v1 Ongoing 1001/0 previous=1001 next=-1 client=2 t[0] started +0s
ok

commit
----
record: a v1 PrepareCommit 1001/1 previous=1001 next=-1 client=2 t[0] started +0s
markers: a 1001/1 commit=true [{t 0}]
ok 1001/1

# The answer was lost, and markers are being written.
commit
----
CONCURRENT_TRANSACTIONS -1/-1

abort
----
INVALID_TXN_STATE -1/-1

produce epoch=1
----
CONCURRENT_TRANSACTIONS

commit epoch=1
----
CONCURRENT_TRANSACTIONS -1/-1

written epoch=1
----
record: a v1 CompleteCommit 1001/1 previous=1001 next=-1 client=2 started +0s
done

# A retry names the epoch before; it is answered by what the end was.
commit
----
ok 1001/1

abort
----
INVALID_TXN_STATE -1/-1

# The current epoch means the next transaction, in which nothing was written.
commit epoch=1
----
INVALID_TXN_STATE -1/-1

abort epoch=1
----
record: a v1 PrepareAbort 1001/2 previous=1001 next=-1 client=2 started +0s
markers: a 1001/2 commit=false []
ok 1001/2

written epoch=2
----
record: a v1 CompleteAbort 1001/2 previous=1001 next=-1 client=2 started +0s
done

abort epoch=1
----
ok 1001/2

commit epoch=1
----
INVALID_TXN_STATE -1/-1

# Epochs that never were, or were long ago.
abort
----
PRODUCER_FENCED -1/-1

abort epoch=7
----
PRODUCER_FENCED -1/-1

# An abort right after the start.
init id=b
----
record: b v1 Empty 1014/0 previous=1014 next=-1 client=0 started never
ok 1014/0

abort id=b pid=1014 epoch=0
----
record: b v1 PrepareAbort 1014/1 previous=1014 next=-1 client=2 started +0s
markers: b 1014/1 commit=false []
ok 1014/1

restart
----
markers: b 1014/1 commit=false []

written id=b pid=1014 epoch=1
----
record: b v1 CompleteAbort 1014/1 previous=1014 next=-1 client=2 started +0s
done

commit id=b pid=1014 epoch=1
----
INVALID_TXN_STATE -1/-1

commit id=b pid=9 epoch=1
----
INVALID_PRODUCER_ID_MAPPING -1/-1

commit id=none
----
INVALID_PRODUCER_ID_MAPPING -1/-1

commit id=- pid=1
----
INVALID_REQUEST -1/-1

# The records of a transaction V1 on the same cluster say so.
init id=c
----
record: c v1 Empty 1020/0 previous=1020 next=-1 client=0 started never
ok 1020/0

add id=c pid=1020 of=t-0
----
record: c v1 Ongoing 1020/0 previous=1020 next=-1 client=0 t[0] started +0s
ok

commit id=c pid=1020 v=4
----
record: c v1 PrepareCommit 1020/0 previous=1020 next=-1 client=0 t[0] started +0s
markers: c 1020/0 commit=true [{t 0}]
ok -1/-1

written id=c pid=1020
----
record: c v1 CompleteCommit 1020/0 previous=1020 next=-1 client=0 started +0s
done

list
----
ok a/1001/CompleteAbort b/1014/CompleteAbort c/1020/CompleteCommit
