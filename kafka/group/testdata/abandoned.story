# A first JoinGroup waits no longer than five minutes, however long its rebalance may take.
params
----
(nothing)

join v=3 rebalance=1h session=30m
----
#1: join ok member=c-1 gen=1 leader=c-1 protocol=range [c-1]

join v=3 rebalance=1h session=30m
----
(nothing)

sleep 6m
----
at +5m0s
#2: join UNKNOWN_MEMBER_ID member=c-2

describe
----
#3: "g" ok PreparingRebalance type="consumer" protocol="" c-1/null client=c host=/127.0.0.1 metadata=0 ""
