# A broker goes and comes back: its leaderships move on, the epochs say so, and
# only an election brings the preferred leader back.
brokers 1@az1 2@az2 3@az3
----
event brokers

create t partitions=3 rf=3 min.insync.replicas=2
----
ok partitions=3 rf=3
event topic/t

show t
----
t-0 leader=2 epoch=0/0 replicas=[2 3 1] isr=[2 3 1]
t-1 leader=3 epoch=0/0 replicas=[3 1 2] isr=[3 1 2]
t-2 leader=1 epoch=0/0 replicas=[1 2 3] isr=[1 2 3]
t min.insync.replicas=2

fence 1
----
ok
event brokers
event topic/t

show t
----
broker 1 fenced
t-0 leader=2 epoch=0/1 replicas=[2 3 1] isr=[2 3]
t-1 leader=3 epoch=0/1 replicas=[3 1 2] isr=[3 2]
t-2 leader=2 epoch=1/1 replicas=[1 2 3] isr=[2 3]
t min.insync.replicas=2

# A fenced broker holds no new replica in sync and leads nothing.
create new partitions=3 rf=3
----
ok partitions=3 rf=3
event topic/new

show new
----
broker 1 fenced
new-0 leader=2 epoch=0/0 replicas=[2 3 1] isr=[2 3]
new-1 leader=3 epoch=0/0 replicas=[3 2 1] isr=[3 2]
new-2 leader=2 epoch=0/0 replicas=[2 3 1] isr=[2 3]

fence 1
----
ok

unfence 1
----
ok
event brokers
event topic/new
event topic/t

show t
----
t-0 leader=2 epoch=0/2 replicas=[2 3 1] isr=[2 3 1]
t-1 leader=3 epoch=0/2 replicas=[3 1 2] isr=[3 2 1]
t-2 leader=2 epoch=1/2 replicas=[1 2 3] isr=[2 3 1]
t min.insync.replicas=2

elect preferred t 0 1 2 7
----
t-0 ELECTION_NOT_NEEDED: Leader election not needed for topic partition.
t-1 ELECTION_NOT_NEEDED: Leader election not needed for topic partition.
t-2 ok
t-7 UNKNOWN_TOPIC_OR_PARTITION: No such partition as t-7
event topic/t

elect preferred all
----
(nothing)

show t
----
t-0 leader=2 epoch=0/2 replicas=[2 3 1] isr=[2 3 1]
t-1 leader=3 epoch=0/2 replicas=[3 1 2] isr=[3 2 1]
t-2 leader=1 epoch=2/3 replicas=[1 2 3] isr=[2 3 1]
t min.insync.replicas=2

fence 9
----
BROKER_ID_NOT_REGISTERED: Broker 9 is not registered.
