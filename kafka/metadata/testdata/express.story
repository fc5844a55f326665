# A cluster in the midst of an upgrade has brokers of both kinds.
brokers 1@az1 2@az2 3@az3
----
event brokers

create old partitions=2 rf=2
----
ok partitions=2 rf=2
event topic/old

brokers 1@az1 2@az2 3@az3 4@az1,express 5@az2,express 6@az3,express
----
event brokers

# New topics begin on Express brokers, with three replicas whatever is asked for.
create new partitions=3 rf=1
----
ok partitions=3 rf=3
event topic/new

show new
----
new-0 leader=6 epoch=0/0 replicas=[6 4 5] isr=[6 4 5]
new-1 leader=4 epoch=0/0 replicas=[4 5 6] isr=[4 5 6]
new-2 leader=5 epoch=0/0 replicas=[5 6 4] isr=[5 6 4]

# Partitions that a topic gets are where it is.
grow new to=4
----
ok
event topic/new

grow old to=4
----
ok
event topic/old

show new
----
new-0 leader=6 epoch=0/0 replicas=[6 4 5] isr=[6 4 5]
new-1 leader=4 epoch=0/0 replicas=[4 5 6] isr=[4 5 6]
new-2 leader=5 epoch=0/0 replicas=[5 6 4] isr=[5 6 4]
new-3 leader=6 epoch=0/0 replicas=[6 4 5] isr=[6 4 5]

show old
----
old-0 leader=2 epoch=0/0 replicas=[2 3] isr=[2 3]
old-1 leader=3 epoch=0/0 replicas=[3 1] isr=[3 1]
old-2 leader=1 epoch=0/0 replicas=[1 2] isr=[1 2]
old-3 leader=2 epoch=0/0 replicas=[2 1] isr=[2 1]

# So are topics of the cluster's own.
internal __transaction_state
----
event topic/__transaction_state

# The rules are those of Express brokers.
create refused partitions=1 segment.bytes=1048576
----
INVALID_REQUEST: Topic config segment.bytes cannot be set on Express brokers. partitions=-1 rf=-1

# Without the standard brokers the next one is the controller.
brokers 4@az1,express 5@az2,express 6@az3,express
----
event brokers
event topic/old

create last partitions=1 rf=3
----
ok partitions=1 rf=3
event topic/last
