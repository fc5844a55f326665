# Online migration: a classic group gets a member of the consumer protocol, and back.
topics t:4
----
(nothing)

join v=3
----
#1: join ok member=c-1 gen=1 leader=c-1 protocol=range [c-1]

sync member=c-1 assign=c-1:t-0+t-1+t-2+t-3
----
record: group g gen=1 protocol=range leader=c-1 c-1=<t[0 1 2 3]>
#2: sync ok <t[0 1 2 3]>

commit member=c-1 gen=1 to=t-0:5
----
record: offset g t-0 = 5 v3
#3: commit t-0=ok

# Upgrade: the classic member keeps its partitions until it has joined again.
hb member=n
----
record: group g removed
record: member g c-1 instance=null rack=null names=[t] pattern=null rebalance=60000 assignor=null classic
record: epoch g = 1
record: target g c-1 = {t[0 1 2 3]}
record: target-epoch g = 1
record: current g c-1 epoch=1/1 state=0 assigned={t[0 1 2 3]} revoking={}
record: member g n instance=null rack=null names=[t] pattern=null rebalance=60000 assignor=null
record: epoch g = 2
record: target g c-1 = {t[0 1]}
record: target g n = {t[2 3]}
record: target-epoch g = 2
record: current g n epoch=2/0 state=2 assigned={} revoking={}
#4: hb ok member=n epoch=2 assigned={}

describe-consumer
----
#5: "g" ok Reconciling epoch=2/2 uniform | c-1/null epoch=1 type=0 [t] {t[0 1 2 3]} target {t[0 1]} | n/null epoch=2 type=1 [t] {} target {t[2 3]}

list
----
#6: list ok g/consumer/Reconciling/consumer

heartbeat member=c-1
----
#7: heartbeat REBALANCE_IN_PROGRESS

sync member=c-1
----
#8: sync REBALANCE_IN_PROGRESS ""

join member=c-1 owned=t-0,t-1,t-2,t-3
----
record: member g c-1 instance=null rack=null names=[t] pattern=null rebalance=60000 assignor=null classic
record: current g c-1 epoch=1/1 state=1 assigned={t[0 1]} revoking={t[2 3]}
#9: join ok member=c-1 gen=1 leader= protocol=range

sync member=c-1 gen=1 protocol=range
----
#10: sync ok <t[0 1]>

heartbeat member=c-1
----
#11: heartbeat REBALANCE_IN_PROGRESS

join member=c-1 owned=t-0,t-1
----
record: member g c-1 instance=null rack=null names=[t] pattern=null rebalance=60000 assignor=null classic
record: current g c-1 epoch=2/1 state=0 assigned={t[0 1]} revoking={}
#12: join ok member=c-1 gen=2 leader= protocol=range

sync member=c-1 gen=2 protocol=range
----
#13: sync ok <t[0 1]>

heartbeat member=c-1 gen=2
----
#14: heartbeat ok

hb member=n epoch=2
----
record: current g n epoch=2/2 state=0 assigned={t[2 3]} revoking={}
#15: hb ok member=n epoch=2 assigned={t[2 3]}

commit member=c-1 gen=1 v=8 to=t-0:6
----
#16: commit t-0=ILLEGAL_GENERATION

commit member=c-1 gen=2 v=8 to=t-0:6
----
record: offset g t-0 = 6 v3
#17: commit t-0=ok

# Another classic member joins: first it gets an id.
join
----
#18: join MEMBER_ID_REQUIRED member=18

join member=13
----
record: member g 13 instance=null rack=null names=[t] pattern=null rebalance=60000 assignor=null classic
record: epoch g = 3
record: target g 13 = {t[3]}
record: target g n = {t[2]}
record: target-epoch g = 3
record: current g 13 epoch=3/0 state=2 assigned={} revoking={}
#19: join ok member=13 gen=3 leader= protocol=range

sync member=13 gen=3 protocol=range
----
#20: sync ok <>

heartbeat member=13 gen=3
----
#21: heartbeat ok

join protocols=sticky
----
#22: join INCONSISTENT_GROUP_PROTOCOL member=

join type=connect
----
#23: join INCONSISTENT_GROUP_PROTOCOL member=

# The one that comes second waits for c-1 and n.
heartbeat member=c-1 gen=2
----
#24: heartbeat REBALANCE_IN_PROGRESS

join member=c-1 owned=t-0,t-1
----
record: current g c-1 epoch=3/2 state=0 assigned={t[0 1]} revoking={}
#25: join ok member=c-1 gen=3 leader= protocol=range

sync member=c-1 gen=3 protocol=range
----
#26: sync ok <t[0 1]>

heartbeat member=13 gen=3
----
#27: heartbeat ok

describe-consumer
----
#28: "g" ok Reconciling epoch=3/3 uniform | 13/null epoch=3 type=0 [t] {} target {t[3]} | c-1/null epoch=3 type=0 [t] {t[0 1]} target {t[0 1]} | n/null epoch=2 type=1 [t] {t[2 3]} target {t[2]}

# Downgrade: the last member of the consumer protocol leaves.
hb member=n epoch=-1
----
record: current g 13 removed
record: current g c-1 removed
record: current g n removed
record: target g 13 removed
record: target g c-1 removed
record: target g n removed
record: target-epoch g removed
record: member g 13 removed
record: member g c-1 removed
record: member g n removed
record: epoch g removed
record: group g gen=3 protocol=range leader= 13=<t[3]> c-1=<t[0 1]>
#29: hb ok member=n epoch=-1

list
----
#30: list ok g/consumer/PreparingRebalance/classic

heartbeat member=c-1 gen=4
----
#31: heartbeat ILLEGAL_GENERATION

join member=c-1
----
(nothing)

join member=13
----
#33: join ok member=13 gen=4 leader=13 protocol=range [13] [c-1]
#32: join ok member=c-1 gen=4 leader=13 protocol=range

fetch of=t-0
----
#34: fetch ok g:ok t-0=6/3/"m"
