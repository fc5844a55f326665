# KIP-345: a static member comes back under a new id without a rebalance; the old id is fenced.
params
----
(nothing)

join instance=a
----
#1: join ok member=a-1 gen=1 leader=a-1 protocol=range [a-1]

sync member=a-1 instance=a assign=a-1:x
----
record: group g gen=1 protocol=range leader=a-1 a-1="x"
#2: sync ok "x"

join instance=b
----
(nothing)

join instance=a member=a-1
----
#4: join ok member=a-1 gen=2 leader=a-1 protocol=range [a-1] [b-3]
#3: join ok member=b-3 gen=2 leader=a-1 protocol=range

sync member=a-1 instance=a gen=2 assign=a-1:x,b-3:y
----
record: group g gen=2 protocol=range leader=a-1 a-1="x" b-3="y"
#5: sync ok "x"

sync member=b-3 instance=b gen=2
----
#6: sync ok "y"

join instance=b
----
record: group g gen=2 protocol=range leader=a-1 a-1="x" b-7="y"
#7: join ok member=b-7 gen=2 leader=a-1 protocol=range

heartbeat member=b-3 instance=b gen=2
----
#8: heartbeat FENCED_INSTANCE_ID

heartbeat member=b-7 instance=b gen=2
----
#9: heartbeat ok

join member=b-3 instance=b
----
#10: join FENCED_INSTANCE_ID member=b-3

commit member=b-3 instance=b gen=2 to=t-0:1
----
#11: commit t-0=FENCED_INSTANCE_ID

sync member=b-7 instance=b gen=2
----
#12: sync ok "y"

# KIP-814: the leader that comes back need not assign; an older client is not told that it leads.
join instance=a
----
record: group g gen=2 protocol=range leader=a-13 a-13="x" b-7="y"
#13: join ok member=a-13 gen=2 leader=a-13 protocol=range [a-13] [b-7] skip

join instance=a v=8
----
record: group g gen=2 protocol=range leader=a-14 a-14="x" b-7="y"
#14: join ok member=a-14 gen=2 leader=a-13 protocol=range

describe
----
#15: "g" ok Stable type="consumer" protocol="range" a-14/a client=c host=/127.0.0.1 metadata=13 "x" b-7/b client=c host=/127.0.0.1 metadata=13 "y"

# A changed protocol is a rebalance.
join instance=b protocols=roundrobin
----
#16: join INCONSISTENT_GROUP_PROTOCOL member=

join instance=b protocols=roundrobin,range
----
record: group g gen=2 protocol=range leader=a-14 a-14="x" b-17="y"
#17: join ok member=b-17 gen=2 leader=a-14 protocol=range

# An unknown instance, and removal by instance id.
heartbeat member=x instance=none gen=2
----
#18: heartbeat UNKNOWN_MEMBER_ID

leave instance=a,none
----
#19: leave ok /a=ok /none=UNKNOWN_MEMBER_ID

restart
----
(nothing)

describe
----
#20: "g" ok Stable type="consumer" protocol="range" a-14/a client=c host=/127.0.0.1 metadata=13 "x" b-17/b client=c host=/127.0.0.1 metadata=13 "y"

list
----
#21: list ok g/consumer/Stable/classic

# A static member that does not come to a rebalance keeps its place in it, until it does not sync either.
params
----
(nothing)

join instance=a session=30m rebalance=20s
----
#1: join ok member=a-1 gen=1 leader=a-1 protocol=range [a-1]

sync member=a-1 instance=a assign=a-1:x
----
record: group g gen=1 protocol=range leader=a-1 a-1="x"
#2: sync ok "x"

join v=3 session=30m rebalance=20s
----
(nothing)

sleep 20s
----
at +20s
#3: join ok member=c-3 gen=2 leader=c-3 protocol=range [a-1] [c-3]

sync member=c-3 gen=2 assign=a-1:x,c-3:y
----
record: group g gen=2 protocol=range leader=c-3 a-1="x" c-3="y"
#4: sync ok "y"

sleep 20s
----
(nothing)

heartbeat member=a-1 instance=a gen=2
----
#5: heartbeat UNKNOWN_MEMBER_ID

# A dynamic one is out at once, and its place is not waited for.
params
----
(nothing)

join v=3 session=30m rebalance=20s
----
#1: join ok member=c-1 gen=1 leader=c-1 protocol=range [c-1]

join v=3 session=30m rebalance=20s
----
(nothing)

sleep 20s
----
at +20s
#2: join ok member=c-2 gen=2 leader=c-2 protocol=range [c-2]

heartbeat member=c-1
----
#3: heartbeat UNKNOWN_MEMBER_ID
