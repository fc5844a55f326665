# A session ends; the other member learns of the rebalance.
params
----
(nothing)

join v=3
----
#1: join ok member=c-1 gen=1 leader=c-1 protocol=range [c-1]

join v=3
----
(nothing)

sync member=c-1 assign=c-1:a
----
#3: sync REBALANCE_IN_PROGRESS ""

join v=3 member=c-1
----
#4: join ok member=c-1 gen=2 leader=c-1 protocol=range [c-1] [c-2]
#2: join ok member=c-2 gen=2 leader=c-1 protocol=range

sync member=c-1 gen=2 assign=c-1:a,c-2:b
----
record: group g gen=2 protocol=range leader=c-1 c-1="a" c-2="b"
#5: sync ok "a"

sync member=c-2 gen=2
----
#6: sync ok "b"

sleep 6s
----
(nothing)

heartbeat member=c-1 gen=2
----
#7: heartbeat ok

sleep 6s
----
(nothing)

heartbeat member=c-1 gen=2
----
#8: heartbeat REBALANCE_IN_PROGRESS

join member=c-1
----
#9: join ok member=c-1 gen=3 leader=c-1 protocol=range [c-1]

sync member=c-1 gen=3 assign=c-1:all
----
record: group g gen=3 protocol=range leader=c-1 c-1="all"
#10: sync ok "all"

# After a restart everybody has a whole session again.
sleep 9s
----
(nothing)

restart
----
(nothing)

sleep 9s
----
(nothing)

heartbeat member=c-1 gen=3
----
#11: heartbeat ok

sleep 10s
----
at +10s
record: group g gen=4 protocol=null leader=null

describe
----
#12: "g" ok Empty type="consumer" protocol=""

# One that has joined and never syncs is put out after the rebalance timeout, though it sends heartbeats.
join v=3 rebalance=15s
----
#13: join ok member=c-13 gen=5 leader=c-13 protocol=range [c-13]

join v=3 rebalance=15s
----
(nothing)

join v=3 rebalance=15s member=c-13
----
#15: join ok member=c-13 gen=6 leader=c-13 protocol=range [c-13] [c-14]
#14: join ok member=c-14 gen=6 leader=c-13 protocol=range

sync member=c-13 gen=6 assign=c-13:a,c-14:b
----
record: group g gen=6 protocol=range leader=c-13 c-13="a" c-14="b"
#16: sync ok "a"

sleep 8s
----
(nothing)

heartbeat member=c-13 gen=6
----
#17: heartbeat ok

heartbeat member=c-14 gen=6
----
#18: heartbeat ok

sleep 7s
----
(nothing)

heartbeat member=c-13 gen=6
----
#19: heartbeat REBALANCE_IN_PROGRESS

heartbeat member=c-14 gen=6
----
#20: heartbeat UNKNOWN_MEMBER_ID

# What a restart remembers is the last subscription, not the first.
params
----
(nothing)

join v=3 protocols=range
----
#1: join ok member=c-1 gen=1 leader=c-1 protocol=range [c-1]

sync member=c-1 assign=c-1:a
----
record: group g gen=1 protocol=range leader=c-1 c-1="a"
#2: sync ok "a"

join member=c-1 protocols=roundrobin,range topics=u
----
#3: join ok member=c-1 gen=2 leader=c-1 protocol=roundrobin [c-1]

sync member=c-1 gen=2 assign=c-1:b
----
record: group g gen=2 protocol=roundrobin leader=c-1 c-1="b"
#4: sync ok "b"

restart
----
(nothing)

describe
----
#5: "g" ok Stable type="consumer" protocol="roundrobin" c-1/null client=c host=/127.0.0.1 metadata=16 "b"

join member=c-1 protocols=range topics=u
----
#6: join INCONSISTENT_GROUP_PROTOCOL member=c-1
