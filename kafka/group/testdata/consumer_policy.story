# Without the policy for it no group changes its protocol while it has members; empty ones do.
params migration=disabled
----
(nothing)

topics t:2
----
(nothing)

join v=3
----
#1: join ok member=c-1 gen=1 leader=c-1 protocol=range [c-1]

hb member=n
----
#2: hb GROUP_ID_NOT_FOUND (Cannot upgrade classic group g to consumer group because online upgrade is disabled.)

sync member=c-1 assign=c-1:x
----
record: group g gen=1 protocol=range leader=c-1 c-1="x"
#3: sync ok "x"

hb member=n
----
#4: hb GROUP_ID_NOT_FOUND (Cannot upgrade classic group g to consumer group because online upgrade is disabled.)

leave member=c-1 v=2
----
record: group g gen=2 protocol=null leader=null
#5: leave ok

list
----
#6: list ok g/consumer/Empty/classic

hb member=n
----
record: group g removed
record: member g n instance=null rack=null names=[t] pattern=null rebalance=60000 assignor=null
record: epoch g = 1
record: target g n = {t[0 1]}
record: target-epoch g = 1
record: current g n epoch=1/0 state=0 assigned={t[0 1]} revoking={}
#7: hb ok member=n epoch=1 assigned={t[0 1]}

list
----
#8: list ok g/consumer/Stable/consumer

join v=3
----
record: member g 9 instance=null rack=null names=[t] pattern=null rebalance=60000 assignor=null classic
record: epoch g = 2
record: target g 9 = {t[1]}
record: target g n = {t[0]}
record: target-epoch g = 2
record: current g 9 epoch=2/0 state=2 assigned={} revoking={}
#9: join ok member=9 gen=2 leader= protocol=range

hb member=n epoch=-1
----
record: current g n removed
record: target g n removed
record: member g n removed
record: epoch g = 3
#10: hb ok member=n epoch=-1

describe-consumer
----
#11: "g" ok Assigning epoch=3/2 uniform | 9/null epoch=2 type=0 [t] {} target {t[1]}

leave member=5 v=2
----
#12: leave UNKNOWN_MEMBER_ID

list
----
#13: list ok g/consumer/Assigning/consumer

join member=5
----
record: member g 5 instance=null rack=null names=[t] pattern=null rebalance=60000 assignor=null classic
record: epoch g = 4
record: target g 5 = {t[0]}
record: target-epoch g = 4
record: current g 5 epoch=4/0 state=0 assigned={t[0]} revoking={}
#14: join ok member=5 gen=4 leader= protocol=range

join v=3
----
record: member g 15 instance=null rack=null names=[t] pattern=null rebalance=60000 assignor=null classic
record: epoch g = 5
record: target g 15 = {}
record: target-epoch g = 5
record: current g 15 epoch=5/0 state=0 assigned={} revoking={}
#15: join ok member=15 gen=5 leader= protocol=range

list
----
#16: list ok g/consumer/Reconciling/consumer

# An assignment that is not a consumer's cannot be taken over.
params
----
(nothing)

join v=3
----
#1: join ok member=c-1 gen=1 leader=c-1 protocol=range [c-1]

sync member=c-1 assign=c-1:x
----
record: group g gen=1 protocol=range leader=c-1 c-1="x"
#2: sync ok "x"

hb member=n
----
#3: hb GROUP_ID_NOT_FOUND (Cannot upgrade classic group g to consumer group because the embedded consumer protocol is malformed.)

join v=3 group=h type=connect
----
#4: join ok member=c-4 gen=1 leader=c-4 protocol=range [c-4]

hb member=n group=h
----
#5: hb GROUP_ID_NOT_FOUND (Cannot upgrade classic group h to consumer group because the group does not use the consumer embedded protocol.)
