# Topics from their creation to their end.
params num.partitions=2 default.replication.factor=2
----
ok

create early
----
INVALID_REPLICATION_FACTOR: Unable to replicate the partition 2 time(s): All brokers are currently fenced. partitions=-1 rf=-1

brokers 1@az1 2@az2 3@az3
----
event brokers

create t validate=1
----
ok partitions=2 rf=2

show t
----
t is not there

create t
----
ok partitions=2 rf=2
event topic/t

create t
----
TOPIC_ALREADY_EXISTS: Topic 't' already exists. partitions=-1 rf=-1

create h by-hand=3,1/1,2
----
ok partitions=2 rf=2
event topic/h

create h1 by-hand=3,1/1
----
INVALID_REPLICA_ASSIGNMENT: The manual partition assignment includes a partition with 1 replica(s), but this is not consistent with previous partitions, which have 2 replica(s). partitions=-1 rf=-1

create h2 by-hand=1,1
----
INVALID_REPLICA_ASSIGNMENT: The manual partition assignment includes the broker 1 more than once. partitions=-1 rf=-1

create h3 by-hand=1,4
----
INVALID_REPLICA_ASSIGNMENT: The manual partition assignment includes broker 4, but no such broker is registered. partitions=-1 rf=-1

create h4 by-hand=1,2 rf=2
----
INVALID_REQUEST: A manual partition assignment was specified, but replication factor was not set to -1. partitions=-1 rf=-1

show t h
----
t-0 leader=1 epoch=0/0 replicas=[1 2] isr=[1 2]
t-1 leader=2 epoch=0/0 replicas=[2 3] isr=[2 3]
h-0 leader=3 epoch=0/0 replicas=[3 1] isr=[3 1]
h-1 leader=1 epoch=0/0 replicas=[1 2] isr=[1 2]

grow t to=1
----
INVALID_PARTITIONS: The topic t currently has 2 partition(s); 1 would not be an increase.

grow t to=3 validate=1
----
ok

grow t to=4 by-hand=2,3
----
INVALID_REPLICA_ASSIGNMENT: Attempted to add 2 additional partition(s), but only 1 assignment(s) were specified.

grow t to=3 by-hand=2,3
----
ok
event topic/t

grow nothing to=3
----
UNKNOWN_TOPIC_OR_PARTITION

show t
----
t-0 leader=1 epoch=0/0 replicas=[1 2] isr=[1 2]
t-1 leader=2 epoch=0/0 replicas=[2 3] isr=[2 3]
t-2 leader=2 epoch=0/0 replicas=[2 3] isr=[2 3]

delete t t
----
t INVALID_REQUEST: Duplicate topic name.

delete id:00010000000000000000000000000000 nothing
----
id:00010000000000000000000000000000 UNKNOWN_TOPIC_ID: This server does not host this topic ID.
nothing UNKNOWN_TOPIC_OR_PARTITION: This server does not host this topic-partition.

delete t h
----
t ok
h ok
event -topic/t
event -topic/h

params delete.topic.enable=false
----
ok

delete t
----
t TOPIC_DELETION_DISABLED: Topic deletion is disabled.
