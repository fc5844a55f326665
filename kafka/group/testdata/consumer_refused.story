# Everything that a heartbeat is refused for.
params consumers=2
----
(nothing)

topics t:2
----
(nothing)

hb member= v=1
----
#1: hb INVALID_REQUEST (MemberId can't be empty.)

hb member= v=0
----
record: member g 2 instance=null rack=null names=[t] pattern=null rebalance=60000 assignor=null
record: epoch g = 1
record: target g 2 = {t[0 1]}
record: target-epoch g = 1
record: current g 2 epoch=1/0 state=0 assigned={t[0 1]} revoking={}
#2: hb ok member=2 epoch=1 assigned={t[0 1]}

hb group=- member=a
----
#3: hb INVALID_REQUEST (GroupId can't be empty.)

hb member=a epoch=1
----
#4: hb UNKNOWN_MEMBER_ID (Member a is not a member of group g.)

hb member=a instance=
----
#5: hb INVALID_REQUEST (InstanceId can't be empty.)

hb member=a rack=
----
#6: hb INVALID_REQUEST (RackId can't be empty.)

hb member=a null=rebalance
----
#7: hb INVALID_REQUEST (RebalanceTimeoutMs must be provided in first request.)

hb member=a null=owned
----
#8: hb INVALID_REQUEST (TopicPartitions must be empty when (re-)joining.)

hb member=a owned=t-0
----
#9: hb INVALID_REQUEST (TopicPartitions must be empty when (re-)joining.)

hb member=a null=names
----
#10: hb INVALID_REQUEST (Either SubscribedTopicNames or SubscribedTopicRegex must be non-null when (re-)joining.)

hb member=a assignor=sticky
----
#11: hb UNSUPPORTED_ASSIGNOR (ServerAssignor sticky is not supported. Supported assignors: uniform, range.)

hb member=a epoch=-3
----
#12: hb INVALID_REQUEST (MemberEpoch is invalid.)

hb member=a epoch=-2
----
#13: hb INVALID_REQUEST (InstanceId can't be null.)

hb group=none member=a epoch=5
----
#14: hb GROUP_ID_NOT_FOUND (Consumer group none not found.)

hb group=none member=a epoch=-1
----
#15: hb GROUP_ID_NOT_FOUND (Group none not found.)

hb member=a pattern=a(
----
#16: hb INVALID_REGULAR_EXPRESSION (SubscribedTopicRegex `a(` is not a valid regular expression: missing closing ).)

hb member=a
----
record: member g a instance=null rack=null names=[t] pattern=null rebalance=60000 assignor=null
record: epoch g = 2
record: target g 2 = {t[0]}
record: target g a = {t[1]}
record: target-epoch g = 2
record: current g a epoch=2/0 state=2 assigned={} revoking={}
#17: hb ok member=a epoch=2 assigned={}

hb member=b epoch=1
----
#18: hb GROUP_MAX_SIZE_REACHED (The consumer group has reached its maximum capacity of 2 members.)

hb member=b epoch=-1
----
#19: hb UNKNOWN_MEMBER_ID (Member b is not a member of group g.)

hb member=b epoch=-1 instance=i
----
#20: hb UNKNOWN_MEMBER_ID (Instance id i is unknown.)

# Too new an epoch, and too old a one with partitions that it does not own.
hb member=a epoch=9
----
#21: hb FENCED_MEMBER_EPOCH (The consumer group member has a greater member epoch (9) than the one known by the group coordinator (2). The member must abandon all its partitions and rejoin.)

hb member=c
----
#22: hb GROUP_MAX_SIZE_REACHED (The consumer group has reached its maximum capacity of 2 members.)

hb member=a epoch=1 names=t,u
----
#23: hb FENCED_MEMBER_EPOCH (The consumer group member has a smaller member epoch (1) than the one known by the group coordinator (2). The member must abandon all its partitions and rejoin.)

hb member=a epoch=1 owned=t-1
----
#24: hb FENCED_MEMBER_EPOCH (The consumer group member has a smaller member epoch (1) than the one known by the group coordinator (2). The member must abandon all its partitions and rejoin.)

# Fenced, it joins again under its id.
hb member=a epoch=0
----
record: current g a epoch=2/2 state=2 assigned={} revoking={}
#25: hb ok member=a epoch=2 assigned={}
