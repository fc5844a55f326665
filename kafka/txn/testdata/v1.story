# A producer of transactions V1 on a cluster without the feature.
params version=0
----
(nothing)

init
----
record: a v0 Empty 1001/0 started never
ok 1001/0

add of=t-0,t-1
----
record: a v0 Ongoing 1001/0 t[0 1] started +0s
ok ok

# What is part of it already is written no more.
add of=t-1
----
ok

verify of=t-0,u-0
----
ok TRANSACTION_ABORTABLE

add of=u-0
----
record: a v0 Ongoing 1001/0 t[0 1] u[0] started +0s
ok

describe
----
a ok Ongoing 1001/0 timeout=60000ms started +0s [{t [0 1] {map[]}} {u [0] {map[]}}]

commit v=4
----
record: a v0 PrepareCommit 1001/0 t[0 1] u[0] started +0s
markers: a 1001/0 commit=true [{t 0} {t 1} {u 0}]
ok -1/-1

# Until the markers are written nothing else begins.
commit v=4
----
CONCURRENT_TRANSACTIONS -1/-1

abort v=4
----
INVALID_TXN_STATE -1/-1

add
----
CONCURRENT_TRANSACTIONS

verify
----
CONCURRENT_TRANSACTIONS

init
----
CONCURRENT_TRANSACTIONS -1/-1

restart
----
markers: a 1001/0 commit=true [{t 0} {t 1} {u 0}]

written
----
record: a v0 CompleteCommit 1001/0 started +0s
done

# A retry is answered as the end was; the other end never was.
commit v=4
----
ok -1/-1

abort v=4
----
INVALID_TXN_STATE -1/-1

verify
----
TRANSACTION_ABORTABLE

add of=t-2
----
record: a v0 Ongoing 1001/0 t[2] started +0s
ok

abort v=4
----
record: a v0 PrepareAbort 1001/0 t[2] started +0s
markers: a 1001/0 commit=false [{t 2}]
ok -1/-1

written epoch=1
----
done

written
----
record: a v0 CompleteAbort 1001/0 started +0s
done

abort v=4
----
ok -1/-1

commit v=4
----
INVALID_TXN_STATE -1/-1

list
----
ok a/1001/CompleteAbort
