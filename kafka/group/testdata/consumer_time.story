# Sessions of 45 s, and the time that a member has to give partitions up.
topics t:2
----
(nothing)

hb member=a rebalance=20s
----
record: member g a instance=null rack=null names=[t] pattern=null rebalance=20000 assignor=null
record: epoch g = 1
record: target g a = {t[0 1]}
record: target-epoch g = 1
record: current g a epoch=1/0 state=0 assigned={t[0 1]} revoking={}
#1: hb ok member=a epoch=1 assigned={t[0 1]}

sleep 40s
----
(nothing)

hb member=a epoch=1
----
#2: hb ok member=a epoch=1

sleep 40s
----
(nothing)

hb member=a epoch=1
----
#3: hb ok member=a epoch=1

hb member=b rebalance=30s
----
record: member g b instance=null rack=null names=[t] pattern=null rebalance=30000 assignor=null
record: epoch g = 2
record: target g a = {t[0]}
record: target g b = {t[1]}
record: target-epoch g = 2
record: current g b epoch=2/0 state=2 assigned={} revoking={}
#4: hb ok member=b epoch=2 assigned={}

hb member=a epoch=1 owned=t-0,t-1
----
record: current g a epoch=1/1 state=1 assigned={t[0]} revoking={t[1]}
#5: hb ok member=a epoch=1 assigned={t[0]}

sleep 19s
----
(nothing)

hb member=a epoch=1 owned=t-0,t-1
----
#6: hb ok member=a epoch=1

hb member=b epoch=2
----
record: current g b epoch=2/2 state=2 assigned={} revoking={}
#7: hb ok member=b epoch=2

sleep 2s
----
at +1s
record: current g a removed
record: target g a removed
record: member g a removed
record: epoch g = 3

describe-consumer
----
#8: "g" ok Assigning epoch=3/2 uniform | b/null epoch=2 type=1 [t] {} target {t[1]}

hb member=a epoch=1 owned=t-0,t-1
----
#9: hb UNKNOWN_MEMBER_ID (Member a is not a member of group g.)

hb member=b epoch=2
----
record: target g b = {t[0 1]}
record: target-epoch g = 3
record: current g b epoch=3/2 state=0 assigned={t[0 1]} revoking={}
#10: hb ok member=b epoch=3 assigned={t[0 1]}

# After a restart everybody has a whole session, and who has partitions to give up the whole time for it.
hb member=c rebalance=50s
----
record: member g c instance=null rack=null names=[t] pattern=null rebalance=50000 assignor=null
record: epoch g = 4
record: target g b = {t[0]}
record: target g c = {t[1]}
record: target-epoch g = 4
record: current g c epoch=4/0 state=2 assigned={} revoking={}
#11: hb ok member=c epoch=4 assigned={}

hb member=b epoch=3 owned=t-0,t-1
----
record: current g b epoch=3/3 state=1 assigned={t[0]} revoking={t[1]}
#12: hb ok member=b epoch=3 assigned={t[0]}

sleep 20s
----
(nothing)

restart
----
(nothing)

sleep 29s
----
(nothing)

describe-consumer
----
#13: "g" ok Reconciling epoch=4/4 uniform | b/null epoch=3 type=1 [t] {t[0]} target {t[0]} | c/null epoch=4 type=1 [t] {} target {t[1]}

sleep 2s
----
at +1s
record: current g b removed
record: target g b removed
record: member g b removed
record: epoch g = 5

sleep 20s
----
at +14s
record: current g c removed
record: target g c removed
record: member g c removed
record: epoch g = 6

describe-consumer
----
#14: "g" ok Empty epoch=6/4 uniform

# The group's own session timeout.
session 90
----
(nothing)

hb member=d
----
record: member g d instance=null rack=null names=[t] pattern=null rebalance=60000 assignor=null
record: epoch g = 7
record: target g d = {t[0 1]}
record: target-epoch g = 7
record: current g d epoch=7/0 state=0 assigned={t[0 1]} revoking={}
#15: hb ok member=d epoch=7 assigned={t[0 1]}

sleep 80s
----
(nothing)

describe-consumer
----
#16: "g" ok Stable epoch=7/7 uniform | d/null epoch=7 type=1 [t] {t[0 1]} target {t[0 1]}

session 45
----
(nothing)

hb member=d epoch=7
----
#17: hb ok member=d epoch=7

sleep 50s
----
at +45s
record: current g d removed
record: target g d removed
record: member g d removed
record: epoch g = 8
