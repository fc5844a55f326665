# A reassignment shows its stages, moves the leader when it leaves, and raises the
# leader epoch.
brokers 1 2 3 4
----
event brokers

create t by-hand=1,2/2,1
----
ok partitions=2 rf=2
event topic/t

reassign t 0=3,4
----
t-0 ok
event topic/t

show t
----
t-0 leader=1 epoch=0/1 replicas=[3 4 1 2] isr=[1 2] adding=[3 4] removing=[1 2]
t-1 leader=2 epoch=0/0 replicas=[2 1] isr=[2 1]

reassignments
----
t-0 replicas=[3 4 1 2] adding=[3 4] removing=[1 2]

pass 0s
----
event topic/t

show t
----
t-0 leader=3 epoch=1/2 replicas=[3 4] isr=[3 4]
t-1 leader=2 epoch=0/0 replicas=[2 1] isr=[2 1]

reassignments
----
(nothing)

pass 0s
----
(nothing)

# Another order of the same replicas, and fewer of them, need no catching up.
reassign t 0=4,3
----
t-0 ok
event topic/t

show t
----
t-0 leader=3 epoch=1/3 replicas=[4 3] isr=[3 4]
t-1 leader=2 epoch=0/0 replicas=[2 1] isr=[2 1]

elect preferred t 0
----
t-0 ok
event topic/t

reassign t 0=4
----
t-0 ok
event topic/t

show t
----
t-0 leader=4 epoch=3/5 replicas=[4] isr=[4]
t-1 leader=2 epoch=0/0 replicas=[2 1] isr=[2 1]

reassign t 0=4
----
t-0 ok

# What is refused.
reassign t 0=none 1=9 2=1 7=1
----
t-0 INVALID_REPLICA_ASSIGNMENT: The manual partition assignment includes an empty replica list.
t-1 INVALID_REPLICA_ASSIGNMENT: The manual partition assignment includes broker 9, but no such broker is registered.
t-2 UNKNOWN_TOPIC_OR_PARTITION: Unable to find partition t:2.
t-7 UNKNOWN_TOPIC_OR_PARTITION: Unable to find partition t:7.

reassign t 1=1,1
----
t-1 INVALID_REPLICA_ASSIGNMENT: The manual partition assignment includes the broker 1 more than once.

reassign t 0=4,1 1=3,4 fixed
----
t-0 INVALID_REPLICATION_FACTOR: The replication factor is changed from 1 to 2
t-1 ok
event topic/t

reassign nothing 0=1
----
nothing-0 UNKNOWN_TOPIC_OR_PARTITION: Unable to find a topic named nothing.

reassign t 0=cancel
----
t-0 NO_REASSIGNMENT_IN_PROGRESS

show t
----
t-0 leader=4 epoch=3/5 replicas=[4] isr=[4]
t-1 leader=2 epoch=0/1 replicas=[3 4 1 2] isr=[2 1] adding=[3 4] removing=[1 2]

pass 0s
----
event topic/t

show t
----
t-0 leader=4 epoch=3/5 replicas=[4] isr=[4]
t-1 leader=3 epoch=1/2 replicas=[3 4] isr=[3 4]

# The new replica is out: the reassignment waits for it and can be taken back.
fence 2
----
ok
event brokers

reassign t 1=3,2,4
----
t-1 ok
event topic/t

pass 0s
----
(nothing)

show t
----
broker 2 fenced
t-0 leader=4 epoch=3/5 replicas=[4] isr=[4]
t-1 leader=3 epoch=1/3 replicas=[3 2 4] isr=[3 4] adding=[2] removing=[]

reassign t 1=3,2 fixed
----
t-1 INVALID_REPLICATION_FACTOR: The replication factor is changed from 3 to 2

reassignments
----
t-1 replicas=[3 2 4] adding=[2] removing=[]

reassign t 1=cancel
----
t-1 ok
event topic/t

show t
----
broker 2 fenced
t-0 leader=4 epoch=3/5 replicas=[4] isr=[4]
t-1 leader=3 epoch=2/4 replicas=[3 4] isr=[3 4]

reassignments
----
(nothing)

# It goes on by itself when the broker is back.
reassign t 1=1,2
----
t-1 ok
event topic/t

pass 0s
----
event topic/t

show t
----
broker 2 fenced
t-0 leader=4 epoch=3/5 replicas=[4] isr=[4]
t-1 leader=3 epoch=2/6 replicas=[1 2 3 4] isr=[3 4 1] adding=[1 2] removing=[3 4]

unfence 2
----
ok
event brokers
event topic/t

show t
----
t-0 leader=4 epoch=3/5 replicas=[4] isr=[4]
t-1 leader=3 epoch=2/7 replicas=[1 2 3 4] isr=[3 4 1 2] adding=[1 2] removing=[3 4]

pass 0s
----
event topic/t

show t
----
t-0 leader=4 epoch=3/5 replicas=[4] isr=[4]
t-1 leader=1 epoch=3/8 replicas=[1 2] isr=[1 2]

# Only added replicas are in sync: taking back would lose records.
create u by-hand=1
----
ok partitions=1 rf=1
event topic/u

fence 2
----
ok
event brokers
event topic/t

reassign u 0=2,3
----
u-0 ok
event topic/u

pass 0s
----
event topic/u

show u
----
broker 2 fenced
u-0 leader=1 epoch=0/2 replicas=[2 3 1] isr=[1 3] adding=[2 3] removing=[1]

fence 1
----
ok
event brokers
event topic/t
event topic/u

show u
----
broker 1 fenced
broker 2 fenced
u-0 leader=3 epoch=1/3 replicas=[2 3 1] isr=[3] adding=[2 3] removing=[1]

reassign u 0=cancel
----
u-0 INVALID_REPLICA_ASSIGNMENT: Unable to revert partition assignment for u:0 because it would require an unclean leader election.

show u
----
broker 1 fenced
broker 2 fenced
u-0 leader=3 epoch=1/3 replicas=[2 3 1] isr=[3] adding=[2 3] removing=[1]
