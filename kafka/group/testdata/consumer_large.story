# What members bring is bounded, of one and of all.
topics t:1
----
(nothing)

hb member=a large=1000000
----
record: member g a instance=null rack=null names=[xxxxxxxxxxxxxxxxxxxx] pattern=null rebalance=60000 assignor=null
record: epoch g = 1
record: target g a = {}
record: target-epoch g = 1
record: current g a epoch=1/0 state=0 assigned={} revoking={}
#1: hb ok member=a epoch=1 assigned={}

hb member=a large=1100000
----
#2: hb INVALID_REQUEST (The request is larger than the group's records can hold.)

fill 40
----
#42: hb GROUP_MAX_SIZE_REACHED (The members of the consumer group bring more than it can hold.)
