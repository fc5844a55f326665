# Two members of an empty group, found together by the initial delay.
params delay=3s
----
(nothing)

join
----
#1: join MEMBER_ID_REQUIRED member=c-1

join member=c-1
----
(nothing)

sleep 2s
----
(nothing)

join
----
#3: join MEMBER_ID_REQUIRED member=c-3

join member=c-3
----
(nothing)

sleep 1s
----
(nothing)

list
----
#5: list ok g/consumer/PreparingRebalance/classic

sleep 3s
----
at +3s
#2: join ok member=c-1 gen=1 leader=c-1 protocol=range [c-1] [c-3]
#4: join ok member=c-3 gen=1 leader=c-1 protocol=range

sync member=c-3
----
(nothing)

sync member=c-1 assign=c-1:a,c-3:b
----
record: group g gen=1 protocol=range leader=c-1 c-1="a" c-3="b"
#7: sync ok "a"
#6: sync ok "b"

describe
----
#8: "g" ok Stable type="consumer" protocol="range" c-1/null client=c host=/127.0.0.1 metadata=13 "a" c-3/null client=c host=/127.0.0.1 metadata=13 "b"

heartbeat member=c-1
----
#9: heartbeat ok

heartbeat member=c-1 gen=2
----
#10: heartbeat ILLEGAL_GENERATION

heartbeat member=nobody
----
#11: heartbeat UNKNOWN_MEMBER_ID

# A third one makes them rebalance. The leader that comes again gets everybody.
join v=3
----
(nothing)

heartbeat member=c-3
----
#13: heartbeat REBALANCE_IN_PROGRESS

commit member=c-3 gen=1 to=t-0:7
----
record: offset g t-0 = 7 v3
#14: commit t-0=ok

join member=c-1
----
(nothing)

join member=c-3
----
#15: join ok member=c-1 gen=2 leader=c-1 protocol=range [c-1] [c-12] [c-3]
#12: join ok member=c-12 gen=2 leader=c-1 protocol=range
#16: join ok member=c-3 gen=2 leader=c-1 protocol=range

commit member=c-3 gen=2 to=t-0:8
----
#17: commit t-0=REBALANCE_IN_PROGRESS

sync member=c-1 gen=1
----
#18: sync ILLEGAL_GENERATION ""

sync member=c-1 gen=2 protocol=roundrobin
----
#19: sync INCONSISTENT_GROUP_PROTOCOL ""

sync member=c-3 gen=2
----
(nothing)

sync member=c-1 gen=2 assign=c-1:a,c-3:b,c-12:c
----
record: group g gen=2 protocol=range leader=c-1 c-1="a" c-12="c" c-3="b"
#21: sync ok "a"
#20: sync ok "b"

sync member=c-12 gen=2
----
#22: sync ok "c"

# A follower that asks again with the same subscription gets the same generation; the leader starts another.
join member=c-3
----
#23: join ok member=c-3 gen=2 leader=c-1 protocol=range

join member=c-1
----
(nothing)

describe
----
#25: "g" ok PreparingRebalance type="consumer" protocol="" c-1/null client=c host=/127.0.0.1 metadata=0 "a" c-12/null client=c host=/127.0.0.1 metadata=0 "c" c-3/null client=c host=/127.0.0.1 metadata=0 "b"

# Those whose sessions end meanwhile are out.
sleep 9s
----
(nothing)

heartbeat member=c-3 gen=2
----
#26: heartbeat REBALANCE_IN_PROGRESS

heartbeat member=c-12 gen=2
----
#27: heartbeat REBALANCE_IN_PROGRESS

sleep 10s
----
at +10s
#24: join ok member=c-1 gen=3 leader=c-1 protocol=range [c-1]

sync member=c-1 gen=3 assign=c-1:all
----
record: group g gen=3 protocol=range leader=c-1 c-1="all"
#28: sync ok "all"

# The last one leaves: the group is empty, its offsets stay.
leave member=c-1
----
record: group g gen=4 protocol=null leader=null
#29: leave ok c-1/null=ok

describe
----
#30: "g" ok Empty type="consumer" protocol=""

list states=empty types=Classic
----
#31: list ok g/consumer/Empty/classic

list states=Stable
----
#32: list ok

list types=consumer
----
#33: list ok

fetch
----
#34: fetch ok g:ok t-0=7/3/"m"
