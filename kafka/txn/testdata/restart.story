# Every state is found again; what is decided is told to the host once more.
init id=empty
----
record: empty v1 Empty 1001/0 previous=1001 next=-1 client=0 started never
ok 1001/0

init id=ongoing
----
record: ongoing v1 Empty 1002/0 previous=1002 next=-1 client=0 started never
ok 1002/0

produce id=ongoing pid=1002
----
record: ongoing v1 Ongoing 1002/0 previous=1002 next=-1 client=2 t[0] started +0s
ok

init id=commit
----
record: commit v1 Empty 1003/0 previous=1003 next=-1 client=0 started never
ok 1003/0

produce id=commit pid=1003 of=t-0,u-1
----
record: commit v1 Ongoing 1003/0 previous=1003 next=-1 client=2 t[0] u[1] started +0s
ok ok

commit id=commit pid=1003
----
record: commit v1 PrepareCommit 1003/1 previous=1003 next=-1 client=2 t[0] u[1] started +0s
markers: commit 1003/1 commit=true [{t 0} {u 1}]
ok 1003/1

init id=abort
----
record: abort v1 Empty 1005/0 previous=1005 next=-1 client=0 started never
ok 1005/0

produce id=abort pid=1005
----
record: abort v1 Ongoing 1005/0 previous=1005 next=-1 client=2 t[0] started +0s
ok

abort id=abort pid=1005
----
record: abort v1 PrepareAbort 1005/1 previous=1005 next=-1 client=2 t[0] started +0s
markers: abort 1005/1 commit=false [{t 0}]
ok 1005/1

init id=done
----
record: done v1 Empty 1007/0 previous=1007 next=-1 client=0 started never
ok 1007/0

produce id=done pid=1007
----
record: done v1 Ongoing 1007/0 previous=1007 next=-1 client=2 t[0] started +0s
ok

commit id=done pid=1007
----
record: done v1 PrepareCommit 1007/1 previous=1007 next=-1 client=2 t[0] started +0s
markers: done 1007/1 commit=true [{t 0}]
ok 1007/1

written id=done pid=1007 epoch=1
----
record: done v1 CompleteCommit 1007/1 previous=1007 next=-1 client=2 started +0s
done

restart
----
markers: abort 1005/1 commit=false [{t 0}]
markers: commit 1003/1 commit=true [{t 0} {u 1}]

describe id=empty,ongoing,commit,abort,done,none
----
empty ok Empty 1001/0 timeout=60000ms started never []
ongoing ok Ongoing 1002/0 timeout=60000ms started +0s [{t [0] {map[]}}]
commit ok PrepareCommit 1003/1 timeout=60000ms started +0s [{t [0] {map[]}} {u [1] {map[]}}]
abort ok PrepareAbort 1005/1 timeout=60000ms started +0s [{t [0] {map[]}}]
done ok CompleteCommit 1007/1 timeout=60000ms started +0s []
none TRANSACTIONAL_ID_NOT_FOUND  0/0 timeout=0ms started +-472222h13m20s []

# The lost answers of ends are known, by epoch.
commit id=commit pid=1003
----
CONCURRENT_TRANSACTIONS -1/-1

commit id=done pid=1007
----
ok 1007/1

commit id=ongoing pid=1002
----
record: ongoing v1 PrepareCommit 1002/1 previous=1002 next=-1 client=2 t[0] started +0s
markers: ongoing 1002/1 commit=true [{t 0}]
ok 1002/1

written id=commit pid=1003 epoch=1
----
record: commit v1 CompleteCommit 1003/1 previous=1003 next=-1 client=2 started +0s
done

written id=abort pid=1005 epoch=1
----
record: abort v1 CompleteAbort 1005/1 previous=1005 next=-1 client=2 started +0s
done

restart
----
markers: ongoing 1002/1 commit=true [{t 0}]

list states=Ongoing,PrepareCommit,Nonsense
----
ok ongoing/1002/PrepareCommit unknown [Nonsense]

list pid=1003
----
ok commit/1003/CompleteCommit

list pattern=.*o.*
----
ok abort/1005/CompleteAbort commit/1003/CompleteCommit done/1007/CompleteCommit ongoing/1002/PrepareCommit

list pattern=ong
----
ok

list pattern=(
----
INVALID_REGULAR_EXPRESSION

sleep for=5s
----
(nothing)

list longer=4s
----
ok abort/1005/CompleteAbort commit/1003/CompleteCommit done/1007/CompleteCommit empty/1001/Empty ongoing/1002/PrepareCommit

list longer=5s
----
ok empty/1001/Empty
