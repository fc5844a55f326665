# The protocol that most prefer among those that all support.
params
----
(nothing)

join v=3 protocols=range,roundrobin
----
#1: join ok member=c-1 gen=1 leader=c-1 protocol=range [c-1]

join v=3 protocols=sticky,roundrobin
----
(nothing)

join v=3 protocols=sticky
----
#3: join INCONSISTENT_GROUP_PROTOCOL member=

join v=3 member=c-1 protocols=range,roundrobin
----
#4: join ok member=c-1 gen=2 leader=c-1 protocol=roundrobin [c-1] [c-2]
#2: join ok member=c-2 gen=2 leader=c-1 protocol=roundrobin

# A generation that no record can hold is refused, and the members join again.
sync member=c-1 gen=2 assign=c-1:2000000
----
#5: sync UNKNOWN_SERVER_ERROR ""

describe
----
#6: "g" ok PreparingRebalance type="consumer" protocol="" c-1/null client=c host=/127.0.0.1 metadata=0 "" c-2/null client=c host=/127.0.0.1 metadata=0 ""
