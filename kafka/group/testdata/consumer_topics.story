# New topics, more partitions and deleted topics rebalance a group that subscribes to them.
hb member=a names=t,u
----
record: member g a instance=null rack=null names=[t u] pattern=null rebalance=60000 assignor=null
record: epoch g = 1
record: target g a = {}
record: target-epoch g = 1
record: current g a epoch=1/0 state=0 assigned={} revoking={}
#1: hb ok member=a epoch=1 assigned={}

topics t:1
----
(nothing)

hb member=a epoch=1
----
record: epoch g = 2
record: target g a = {t[0]}
record: target-epoch g = 2
record: current g a epoch=2/1 state=0 assigned={t[0]} revoking={}
#2: hb ok member=a epoch=2 assigned={t[0]}

topics t:2
----
(nothing)

hb member=a epoch=2
----
record: epoch g = 3
record: target g a = {t[0 1]}
record: target-epoch g = 3
record: current g a epoch=3/2 state=0 assigned={t[0 1]} revoking={}
#3: hb ok member=a epoch=3 assigned={t[0 1]}

topics t:2 v:5
----
(nothing)

hb member=a epoch=3
----
#4: hb ok member=a epoch=3

topics t:2 u:1 v:5
----
(nothing)

hb member=a epoch=3
----
record: epoch g = 4
record: target g a = {t[0 1] u[0]}
record: target-epoch g = 4
record: current g a epoch=4/3 state=0 assigned={t[0 1] u[0]} revoking={}
#5: hb ok member=a epoch=4 assigned={t[0 1] u[0]}

commit member=a gen=4 to=t-0:7,u-0:8,w-0:1
----
record: offset g t-0 = 7 v3
record: offset g u-0 = 8 v3
#6: commit t-0=ok u-0=ok w-0=UNKNOWN_TOPIC_OR_PARTITION

# A topic that is deleted and made again is another one.
topics t:2#2 u:1
----
(nothing)

deleted t
----
record: offset g t-0 removed

fetch of=t-0,u-0
----
#7: fetch ok g:ok t-0=-1/-1/"" u-0=8/3/"m"

hb member=a epoch=4 owned=t-0,t-1,u-0
----
record: epoch g = 5
record: target g a = {t[0 1] u[0]}
record: target-epoch g = 5
record: current g a epoch=4/4 state=1 assigned={u[0]} revoking={t[0 1]}
#8: hb ok member=a epoch=4 assigned={u[0]}

hb member=a epoch=4 owned=u-0
----
record: current g a epoch=5/4 state=0 assigned={t[0 1] u[0]} revoking={}
#9: hb ok member=a epoch=5 assigned={t[0 1] u[0]}

topics
----
(nothing)

hb member=a epoch=5 owned=t-0,t-1,u-0
----
record: epoch g = 6
record: target g a = {}
record: target-epoch g = 6
record: current g a epoch=5/5 state=1 assigned={} revoking={t[0 1] u[0]}
#10: hb ok member=a epoch=5 assigned={}
