# A static member changes its protocol by a restart: consumer to classic is a downgrade, back an upgrade.
topics t:2
----
(nothing)

hb member=n instance=i
----
record: member g n instance=i rack=null names=[t] pattern=null rebalance=60000 assignor=null
record: epoch g = 1
record: target g n = {t[0 1]}
record: target-epoch g = 1
record: current g n epoch=1/0 state=0 assigned={t[0 1]} revoking={}
#1: hb ok member=n epoch=1 assigned={t[0 1]}

join instance=i
----
record: current g n removed
record: target g n removed
record: member g n removed
record: member g 2 instance=i rack=null names=[t] pattern=null rebalance=60000 assignor=null
record: target g 2 = {t[0 1]}
record: current g 2 epoch=0/0 state=0 assigned={t[0 1]} revoking={}
record: member g 2 instance=i rack=null names=[t] pattern=null rebalance=60000 assignor=null classic
record: current g 2 epoch=1/0 state=0 assigned={t[0 1]} revoking={}
record: current g 2 removed
record: target g 2 removed
record: target-epoch g removed
record: member g 2 removed
record: epoch g removed
record: group g gen=1 protocol=range leader= 2=<t[0 1]>
#2: join ok member=2 gen=1 leader= protocol=range

list
----
#3: list ok g/consumer/Stable/classic

sync member=2 instance=i gen=1 protocol=range
----
#4: sync ok <t[0 1]>

heartbeat member=2 instance=i gen=1
----
#5: heartbeat ok

hb member=n2 instance=i
----
record: group g removed
record: member g 2 instance=i rack=null names=[t] pattern=null rebalance=60000 assignor=null classic
record: epoch g = 1
record: target g 2 = {t[0 1]}
record: target-epoch g = 1
record: current g 2 epoch=1/1 state=0 assigned={t[0 1]} revoking={}
record: current g 2 removed
record: target g 2 removed
record: member g 2 removed
record: member g n2 instance=i rack=null names=[t] pattern=null rebalance=60000 assignor=null classic
record: target g n2 = {t[0 1]}
record: current g n2 epoch=0/0 state=0 assigned={t[0 1]} revoking={}
record: member g n2 instance=i rack=null names=[t] pattern=null rebalance=60000 assignor=null
record: current g n2 epoch=1/0 state=0 assigned={t[0 1]} revoking={}
#6: hb ok member=n2 epoch=1 assigned={t[0 1]}

list
----
#7: list ok g/consumer/Stable/consumer

describe-consumer
----
#8: "g" ok Stable epoch=1/1 uniform | n2/i epoch=1 type=1 [t] {t[0 1]} target {t[0 1]}

heartbeat member=2 instance=i gen=1
----
#9: heartbeat FENCED_INSTANCE_ID

# Classic members of a consumer group are fenced when they do not come in time.
join instance=j
----
record: member g 10 instance=j rack=null names=[t] pattern=null rebalance=60000 assignor=null classic
record: epoch g = 2
record: target g 10 = {t[1]}
record: target g n2 = {t[0]}
record: target-epoch g = 2
record: current g 10 epoch=2/0 state=2 assigned={} revoking={}
#10: join ok member=10 gen=2 leader= protocol=range

sleep 9s
----
(nothing)

describe-consumer
----
#11: "g" ok Reconciling epoch=2/2 uniform | 10/j epoch=2 type=0 [t] {} target {t[1]} | n2/i epoch=1 type=1 [t] {t[0 1]} target {t[0]}

sleep 2s
----
at +1s
record: current g 10 removed
record: target g 10 removed
record: member g 10 removed
record: epoch g = 3
