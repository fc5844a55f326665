# A leader goes back to the preferred replica by itself, 300 s after it left it.
brokers 1@az1 2@az2 3@az3
----
event brokers

create t by-hand=1,2,3/2,3,1
----
ok partitions=2 rf=3
event topic/t

fence 1
----
ok
event brokers
event topic/t

unfence 1
----
ok
event brokers
event topic/t

show t
----
t-0 leader=2 epoch=1/2 replicas=[1 2 3] isr=[2 3 1]
t-1 leader=2 epoch=0/2 replicas=[2 3 1] isr=[2 3 1]

pass 299s
----
(nothing)

pass 1s
----
event topic/t

show t
----
t-0 leader=1 epoch=2/3 replicas=[1 2 3] isr=[2 3 1]
t-1 leader=2 epoch=0/2 replicas=[2 3 1] isr=[2 3 1]

# Nobody is to be moved: no event.
pass 1h
----
(nothing)

# While the preferred replica is away each check finds nothing to do.
fence 1
----
ok
event brokers
event topic/t

pass 700s
----
(nothing)

unfence 1
----
ok
event brokers
event topic/t

pass 199s
----
(nothing)

pass 1s
----
event topic/t

show t
----
t-0 leader=1 epoch=4/6 replicas=[1 2 3] isr=[2 3 1]
t-1 leader=2 epoch=0/4 replicas=[2 3 1] isr=[2 3 1]

# auto.leader.rebalance.enable=false leaves it to ElectLeaders.
params auto.leader.rebalance.enable=false
----
ok

brokers 1@az1 2@az2 3@az3
----
event brokers

create t by-hand=1,2,3
----
ok partitions=1 rf=3
event topic/t

fence 1
----
ok
event brokers
event topic/t

unfence 1
----
ok
event brokers
event topic/t

pass 1h
----
(nothing)

show t
----
t-0 leader=2 epoch=1/2 replicas=[1 2 3] isr=[2 3 1]

elect preferred all
----
t-0 ok
event topic/t

# Another interval.
params leader.imbalance.check.interval.seconds=10
----
ok

brokers 1@az1 2@az2 3@az3
----
event brokers

create t by-hand=1,2,3
----
ok partitions=1 rf=3
event topic/t

fence 1
----
ok
event brokers
event topic/t

unfence 1
----
ok
event brokers
event topic/t

pass 9s
----
(nothing)

pass 1s
----
event topic/t
