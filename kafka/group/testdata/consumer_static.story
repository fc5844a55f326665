# Static members: they go away for a while, come back under another id, and nobody rebalances.
topics t:2
----
(nothing)

hb member=a instance=i
----
record: member g a instance=i rack=null names=[t] pattern=null rebalance=60000 assignor=null
record: epoch g = 1
record: target g a = {t[0 1]}
record: target-epoch g = 1
record: current g a epoch=1/0 state=0 assigned={t[0 1]} revoking={}
#1: hb ok member=a epoch=1 assigned={t[0 1]}

hb member=x instance=i
----
#2: hb UNRELEASED_INSTANCE_ID (Static member x with instance id i cannot join the group because the instance id is owned by a member.)

hb member=a epoch=-2 instance=i
----
record: current g a epoch=-2/0 state=0 assigned={t[0 1]} revoking={}
#3: hb ok member=a epoch=-2

describe-consumer
----
#4: "g" ok Reconciling epoch=1/1 uniform | a/i epoch=-2 type=1 [t] {t[0 1]} target {t[0 1]}

hb member=b instance=i
----
record: current g a removed
record: target g a removed
record: member g a removed
record: member g b instance=i rack=null names=[t] pattern=null rebalance=60000 assignor=null
record: target g b = {t[0 1]}
record: current g b epoch=0/0 state=0 assigned={t[0 1]} revoking={}
record: current g b epoch=1/0 state=0 assigned={t[0 1]} revoking={}
#5: hb ok member=b epoch=1 assigned={t[0 1]}

describe-consumer
----
#6: "g" ok Stable epoch=1/1 uniform | b/i epoch=1 type=1 [t] {t[0 1]} target {t[0 1]}

hb member=a epoch=2 instance=i
----
#7: hb FENCED_INSTANCE_ID (Static member a with instance id i was fenced by member b.)

hb member=b epoch=2 instance=j
----
#8: hb UNKNOWN_MEMBER_ID (Instance id j is unknown.)

hb member=b epoch=-1 instance=i
----
record: current g b removed
record: target g b removed
record: member g b removed
record: epoch g = 2
#9: hb ok member=b epoch=-1

# It does not come back in time.
hb member=c instance=i
----
record: member g c instance=i rack=null names=[t] pattern=null rebalance=60000 assignor=null
record: epoch g = 3
record: target g c = {t[0 1]}
record: target-epoch g = 3
record: current g c epoch=3/0 state=0 assigned={t[0 1]} revoking={}
#10: hb ok member=c epoch=3 assigned={t[0 1]}

hb member=c epoch=-2 instance=i
----
record: current g c epoch=-2/0 state=0 assigned={t[0 1]} revoking={}
#11: hb ok member=c epoch=-2

sleep 44s
----
(nothing)

sleep 2s
----
at +1s
record: current g c removed
record: target g c removed
record: member g c removed
record: epoch g = 4

describe-consumer
----
#12: "g" ok Empty epoch=4/3 uniform
