# The last member of an ISR stays in it: it alone has everything.
brokers 1@az1 2@az2
----
event brokers

create clean by-hand=1,2 unclean.leader.election.enable=false
----
ok partitions=1 rf=2
event topic/clean

create unclean by-hand=1,2 unclean.leader.election.enable=true
----
ok partitions=1 rf=2
event topic/unclean

fence 1
----
ok
event brokers
event topic/clean
event topic/unclean

fence 2
----
ok
event brokers
event topic/clean
event topic/unclean

show clean unclean
----
broker 1 fenced
broker 2 fenced
clean-0 leader=-1 epoch=2/2 replicas=[1 2] isr=[2]
clean unclean.leader.election.enable=false
unclean-0 leader=-1 epoch=2/2 replicas=[1 2] isr=[2]
unclean unclean.leader.election.enable=true

create t partitions=1 rf=1
----
INVALID_REPLICATION_FACTOR: Unable to replicate the partition 1 time(s): All brokers are currently fenced. partitions=-1 rf=-1

create h by-hand=1,2
----
INVALID_REPLICA_ASSIGNMENT: All brokers specified in the manual partition assignment for partition 0 are fenced or in controlled shutdown. partitions=-1 rf=-1

# The other one comes first: it may lead only where that is allowed.
unfence 1
----
ok
event brokers
event topic/unclean

show clean unclean
----
broker 2 fenced
clean-0 leader=-1 epoch=2/2 replicas=[1 2] isr=[2]
clean unclean.leader.election.enable=false
unclean-0 leader=1 epoch=3/3 replicas=[1 2] isr=[1]
unclean unclean.leader.election.enable=true

elect preferred clean 0
----
clean-0 PREFERRED_LEADER_NOT_AVAILABLE: The preferred leader was not available.

elect unclean nothing 0
----
nothing-0 UNKNOWN_TOPIC_OR_PARTITION: No such topic as nothing

elect unclean all
----
clean-0 ok
event topic/clean

show clean unclean
----
broker 2 fenced
clean-0 leader=1 epoch=3/3 replicas=[1 2] isr=[1]
clean unclean.leader.election.enable=false
unclean-0 leader=1 epoch=3/3 replicas=[1 2] isr=[1]
unclean unclean.leader.election.enable=true

unfence 2
----
ok
event brokers
event topic/clean
event topic/unclean

show clean unclean
----
clean-0 leader=1 epoch=3/4 replicas=[1 2] isr=[1 2]
clean unclean.leader.election.enable=false
unclean-0 leader=1 epoch=3/4 replicas=[1 2] isr=[1 2]
unclean unclean.leader.election.enable=true
