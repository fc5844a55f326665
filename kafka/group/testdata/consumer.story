# KIP-848: a member joins, gets its partitions, and gives half of them up for another.
topics t:4
----
(nothing)

hb member=a
----
record: member g a instance=null rack=null names=[t] pattern=null rebalance=60000 assignor=null
record: epoch g = 1
record: target g a = {t[0 1 2 3]}
record: target-epoch g = 1
record: current g a epoch=1/0 state=0 assigned={t[0 1 2 3]} revoking={}
#1: hb ok member=a epoch=1 assigned={t[0 1 2 3]}

hb member=a epoch=1
----
#2: hb ok member=a epoch=1

describe-consumer
----
#3: "g" ok Stable epoch=1/1 uniform | a/null epoch=1 type=1 [t] {t[0 1 2 3]} target {t[0 1 2 3]}

hb member=b
----
record: member g b instance=null rack=null names=[t] pattern=null rebalance=60000 assignor=null
record: epoch g = 2
record: target g a = {t[0 1]}
record: target g b = {t[2 3]}
record: target-epoch g = 2
record: current g b epoch=2/0 state=2 assigned={} revoking={}
#4: hb ok member=b epoch=2 assigned={}

describe-consumer
----
#5: "g" ok Reconciling epoch=2/2 uniform | a/null epoch=1 type=1 [t] {t[0 1 2 3]} target {t[0 1]} | b/null epoch=2 type=1 [t] {} target {t[2 3]}

# It waits for a to give them up; a is told with its next heartbeat.
hb member=b epoch=2
----
record: current g b epoch=2/2 state=2 assigned={} revoking={}
#6: hb ok member=b epoch=2

hb member=a epoch=1 owned=t-0,t-1,t-2,t-3
----
record: current g a epoch=1/1 state=1 assigned={t[0 1]} revoking={t[2 3]}
#7: hb ok member=a epoch=1 assigned={t[0 1]}

# Nothing has changed: no owned partitions are sent, and the epoch stays.
hb member=a epoch=1
----
#8: hb ok member=a epoch=1

hb member=b epoch=2
----
#9: hb ok member=b epoch=2

# a has given them up, and is at the new epoch.
hb member=a epoch=1 owned=t-0,t-1
----
record: current g a epoch=2/1 state=0 assigned={t[0 1]} revoking={}
#10: hb ok member=a epoch=2

# The answer was lost: a comes with the epoch before.
hb member=a epoch=1 owned=t-0,t-1
----
#11: hb ok member=a epoch=2

hb member=b epoch=2
----
record: current g b epoch=2/2 state=0 assigned={t[2 3]} revoking={}
#12: hb ok member=b epoch=2 assigned={t[2 3]}

describe-consumer
----
#13: "g" ok Stable epoch=2/2 uniform | a/null epoch=2 type=1 [t] {t[0 1]} target {t[0 1]} | b/null epoch=2 type=1 [t] {t[2 3]} target {t[2 3]}

list
----
#14: list ok g/consumer/Stable/consumer

list types=classic
----
#15: list ok

list types=Consumer states=stable
----
#16: list ok g/consumer/Stable/consumer

describe
----
#17: "g" ok Dead type="" protocol=""

describe v=6
----
#18: "g" GROUP_ID_NOT_FOUND Dead type="" protocol=""

restart
----
(nothing)

describe-consumer
----
#19: "g" ok Stable epoch=2/2 uniform | a/null epoch=2 type=1 [t] {t[0 1]} target {t[0 1]} | b/null epoch=2 type=1 [t] {t[2 3]} target {t[2 3]}

# A member leaves; the other gets its partitions with the next heartbeat.
hb member=b epoch=-1
----
record: current g b removed
record: target g b removed
record: member g b removed
record: epoch g = 3
#20: hb ok member=b epoch=-1

describe-consumer
----
#21: "g" ok Assigning epoch=3/2 uniform | a/null epoch=2 type=1 [t] {t[0 1]} target {t[0 1]}

hb member=a epoch=2
----
record: target g a = {t[0 1 2 3]}
record: target-epoch g = 3
record: current g a epoch=3/2 state=0 assigned={t[0 1 2 3]} revoking={}
#22: hb ok member=a epoch=3 assigned={t[0 1 2 3]}

# The last one leaves: the group is empty, and is forgotten without offsets.
hb member=a epoch=-1
----
record: current g a removed
record: target g a removed
record: member g a removed
record: epoch g = 4
#23: hb ok member=a epoch=-1

describe-consumer
----
#24: "g" ok Empty epoch=4/3 uniform

delete
----
record: target-epoch g removed
record: epoch g removed
#25: delete g=ok

describe-consumer
----
#26: "g" GROUP_ID_NOT_FOUND (Group g not found.)
