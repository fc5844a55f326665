# Offsets of consumer groups: members commit at their epoch.
topics t:2 u:1
----
(nothing)

commit to=t-0:1,x-0:1
----
record: offset g t-0 = 1 v3
#1: commit t-0=ok x-0=UNKNOWN_TOPIC_OR_PARTITION

hb member=a
----
record: member g a instance=null rack=null names=[t] pattern=null rebalance=60000 assignor=null
record: epoch g = 1
record: target g a = {t[0 1]}
record: target-epoch g = 1
record: current g a epoch=1/0 state=0 assigned={t[0 1]} revoking={}
#2: hb ok member=a epoch=1 assigned={t[0 1]}

commit member=a gen=1 to=t-0:2,u-0:3,x-0:1
----
record: offset g t-0 = 2 v3
record: offset g u-0 = 3 v3
#3: commit t-0=ok u-0=ok x-0=UNKNOWN_TOPIC_OR_PARTITION

commit member=a gen=1 v=8 to=t-0:3
----
#4: commit t-0=UNSUPPORTED_VERSION

commit member=a gen=0 to=t-0:3
----
#5: commit t-0=STALE_MEMBER_EPOCH

commit member=b gen=1 to=t-0:3,x-0:1
----
#6: commit t-0=UNKNOWN_MEMBER_ID x-0=UNKNOWN_TOPIC_OR_PARTITION

commit to=t-0:3
----
#7: commit t-0=UNKNOWN_MEMBER_ID

fetch of=t-0
----
#8: fetch ok g:ok t-0=2/3/"m"

fetch of=t-0 member=a epoch=1
----
#9: fetch ok g:ok t-0=2/3/"m"

fetch of=t-0 member=a epoch=2
----
#10: fetch ok g:STALE_MEMBER_EPOCH

fetch member=b epoch=1 of=t-0
----
#11: fetch ok g:UNKNOWN_MEMBER_ID

fetch v=7 of=t-0
----
#12: fetch ok t-0=2/3/"m"

delete-offsets of=t-0,u-0
----
record: offset g u-0 removed
#13: delete-offsets ok t-0=GROUP_SUBSCRIBED_TO_TOPIC u-0=ok

delete
----
#14: delete g=NON_EMPTY_GROUP

# The offsets of what nobody subscribes to expire; the others stay.
commit member=a gen=1 to=u-0:4
----
record: offset g u-0 = 4 v3
#15: commit u-0=ok

commit group=none gen=3 to=t-0:1
----
#16: commit t-0=GROUP_ID_NOT_FOUND

commit group=none gen=3 v=8 to=t-0:1
----
#17: commit t-0=ILLEGAL_GENERATION

hb member=a epoch=-1
----
record: current g a removed
record: target g a removed
record: member g a removed
record: epoch g = 2
#18: hb ok member=a epoch=-1

list
----
#19: list ok g/consumer/Empty/consumer

sleep 192h
----
at +168h0m0s
record: offset g t-0 removed
record: offset g u-0 removed
record: target-epoch g removed
record: epoch g removed

list
----
#20: list ok
