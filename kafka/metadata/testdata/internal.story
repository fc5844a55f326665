# The topics that the cluster keeps for itself.
internal __consumer_offsets
----
(nothing)

brokers 1@az1 2@az2
----
event brokers

internal __consumer_offsets
----
event topic/__consumer_offsets

internal __consumer_offsets
----
(nothing)

internal __transaction_state
----
event topic/__transaction_state

internal something_else
----
(nothing)

show __consumer_offsets __transaction_state
----
__consumer_offsets-0 leader=1 epoch=0/0 replicas=[1 2] isr=[1 2]
__consumer_offsets-1 leader=2 epoch=0/0 replicas=[2 1] isr=[2 1]
__consumer_offsets-2 leader=1 epoch=0/0 replicas=[1 2] isr=[1 2]
__consumer_offsets-3 leader=2 epoch=0/0 replicas=[2 1] isr=[2 1]
__consumer_offsets-4 leader=1 epoch=0/0 replicas=[1 2] isr=[1 2]
__consumer_offsets-5 leader=2 epoch=0/0 replicas=[2 1] isr=[2 1]
__consumer_offsets-6 leader=1 epoch=0/0 replicas=[1 2] isr=[1 2]
__consumer_offsets-7 leader=2 epoch=0/0 replicas=[2 1] isr=[2 1]
__consumer_offsets-8 leader=1 epoch=0/0 replicas=[1 2] isr=[1 2]
... 50 partitions
__consumer_offsets cleanup.policy=compact
__consumer_offsets compression.type=producer
__consumer_offsets segment.bytes=104857600
__transaction_state-0 leader=1 epoch=0/0 replicas=[1 2] isr=[1 2]
__transaction_state-1 leader=2 epoch=0/0 replicas=[2 1] isr=[2 1]
__transaction_state-2 leader=1 epoch=0/0 replicas=[1 2] isr=[1 2]
__transaction_state-3 leader=2 epoch=0/0 replicas=[2 1] isr=[2 1]
__transaction_state-4 leader=1 epoch=0/0 replicas=[1 2] isr=[1 2]
__transaction_state-5 leader=2 epoch=0/0 replicas=[2 1] isr=[2 1]
__transaction_state-6 leader=1 epoch=0/0 replicas=[1 2] isr=[1 2]
__transaction_state-7 leader=2 epoch=0/0 replicas=[2 1] isr=[2 1]
__transaction_state-8 leader=1 epoch=0/0 replicas=[1 2] isr=[1 2]
... 50 partitions
__transaction_state cleanup.policy=compact
__transaction_state compression.type=uncompressed
__transaction_state min.insync.replicas=2
__transaction_state segment.bytes=104857600
__transaction_state unclean.leader.election.enable=false

delete __consumer_offsets
----
__consumer_offsets POLICY_VIOLATION: Topic '__consumer_offsets' belongs to the cluster and cannot be deleted.

grow __transaction_state to=60
----
POLICY_VIOLATION: Topic '__transaction_state' belongs to the cluster and cannot be changed.

ids 1000
----
first 0
event producer-ids

ids 1000
----
first 1000
event producer-ids

ids -5
----
first 2000
event producer-ids

ids 1000
----
first 2001
event producer-ids
