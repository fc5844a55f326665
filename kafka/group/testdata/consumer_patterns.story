# Regular expressions are resolved by the broker, with the topics that the member may see.
topics logs-a:1 logs-b:1 other:1 secret-logs:1
----
(nothing)

hb member=a pattern=logs-.*
----
record: member g a instance=null rack=null names=[] pattern=logs-.* rebalance=60000 assignor=null
record: epoch g = 1
record: target g a = {}
record: target-epoch g = 1
record: current g a epoch=1/0 state=0 assigned={} revoking={}
#1: hb ok member=a epoch=1 assigned={} resolve!

resolve deny=logs-b
----
record: pattern g logs-.* = [logs-a]
record: epoch g = 2

hb member=a epoch=1
----
record: target g a = {logs-a[0]}
record: target-epoch g = 2
record: current g a epoch=2/1 state=0 assigned={logs-a[0]} revoking={}
#2: hb ok member=a epoch=2 assigned={logs-a[0]}

# Another member with the same one needs no resolution.
hb member=b pattern=logs-.*
----
record: member g b instance=null rack=null names=[] pattern=logs-.* rebalance=60000 assignor=null
record: epoch g = 3
record: target g b = {}
record: target-epoch g = 3
record: current g b epoch=3/0 state=0 assigned={} revoking={}
#3: hb ok member=b epoch=3 assigned={}

hb member=a epoch=2 owned=
----
record: current g a epoch=3/2 state=0 assigned={logs-a[0]} revoking={}
#4: hb ok member=a epoch=3

# A new topic: resolved again, at least 10 s after the last time.
topics logs-a:1 logs-b:1 logs-c:1 other:1 secret-logs:1
----
(nothing)

hb member=a epoch=3
----
#5: hb ok member=a epoch=3

sleep 11s
----
(nothing)

hb member=a epoch=3
----
#6: hb ok member=a epoch=3 resolve!

resolve
----
record: pattern g logs-.* = [logs-a logs-b logs-c]
record: epoch g = 4

hb member=a epoch=3
----
record: target g a = {logs-a[0] logs-c[0]}
record: target g b = {logs-b[0]}
record: target-epoch g = 4
record: current g a epoch=4/3 state=0 assigned={logs-a[0] logs-c[0]} revoking={}
#7: hb ok member=a epoch=4 assigned={logs-a[0] logs-c[0]}

hb member=b epoch=3
----
record: current g b epoch=4/3 state=0 assigned={logs-b[0]} revoking={}
#8: hb ok member=b epoch=4 assigned={logs-b[0]}

# Now and then in any case, for permissions that have changed.
hb member=b epoch=-1
----
record: current g b removed
record: target g b removed
record: member g b removed
record: epoch g = 5
#9: hb ok member=b epoch=-1

hb member=a epoch=4
----
record: target g a = {logs-a[0] logs-b[0] logs-c[0]}
record: target-epoch g = 5
record: current g a epoch=5/4 state=0 assigned={logs-a[0] logs-b[0] logs-c[0]} revoking={}
#10: hb ok member=a epoch=5 assigned={logs-a[0] logs-b[0] logs-c[0]}

beats member=a epoch=5 every=40s times=16
----
#26: hb ok member=a epoch=5 resolve!

resolve deny=logs-b
----
record: pattern g logs-.* = [logs-a logs-c]
record: epoch g = 6

hb member=a epoch=5
----
record: target g a = {logs-a[0] logs-c[0]}
record: target-epoch g = 6
record: current g a epoch=5/5 state=1 assigned={logs-a[0] logs-c[0]} revoking={logs-b[0]}
#27: hb ok member=a epoch=5 assigned={logs-a[0] logs-c[0]}

hb member=b pattern=logs-.*
----
record: member g b instance=null rack=null names=[] pattern=logs-.* rebalance=60000 assignor=null
record: epoch g = 7
record: target g a = {logs-a[0]}
record: target g b = {logs-c[0]}
record: target-epoch g = 7
record: current g b epoch=7/0 state=2 assigned={} revoking={}
#28: hb ok member=b epoch=7 assigned={}

# Names and a pattern, the pattern taken back, and invalid ones.
hb member=b epoch=7 names=other
----
record: member g b instance=null rack=null names=[other] pattern=logs-.* rebalance=60000 assignor=null
record: epoch g = 8
record: target g b = {logs-c[0] other[0]}
record: target-epoch g = 8
record: current g b epoch=8/7 state=2 assigned={other[0]} revoking={}
#29: hb ok member=b epoch=8 assigned={other[0]}

hb member=b epoch=8 pattern=
----
record: member g b instance=null rack=null names=[other] pattern=null rebalance=60000 assignor=null
record: epoch g = 9
record: target g a = {logs-a[0] logs-c[0]}
record: target g b = {other[0]}
record: target-epoch g = 9
record: current g b epoch=9/8 state=0 assigned={other[0]} revoking={}
#30: hb ok member=b epoch=9

hb member=b epoch=9 pattern=[
----
#31: hb INVALID_REGULAR_EXPRESSION (SubscribedTopicRegex `[` is not a valid regular expression: missing closing ].)

hb member=b epoch=9 pattern=a)(b
----
#32: hb INVALID_REGULAR_EXPRESSION (SubscribedTopicRegex `a)(b` is not a valid regular expression: unexpected ).)

describe-consumer
----
#33: "g" ok Reconciling epoch=9/9 uniform | a/null epoch=5 type=1 logs-.*[] {logs-a[0] logs-c[0]} target {logs-a[0] logs-c[0]} | b/null epoch=9 type=1 [other] {other[0]} target {other[0]}

restart
----
(nothing)

describe-consumer
----
#34: "g" ok Reconciling epoch=9/9 uniform | a/null epoch=5 type=1 logs-.*[] {logs-a[0] logs-c[0]} target {logs-a[0] logs-c[0]} | b/null epoch=9 type=1 [other] {other[0]} target {other[0]}

hb member=a epoch=-1
----
record: current g a removed
record: target g a removed
record: member g a removed
record: pattern g logs-.* removed
record: epoch g = 10
#35: hb ok member=a epoch=-1
