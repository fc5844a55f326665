# A consumer without group protocol commits; the group "" may too.
commit to=t-0:5,t-1:6,u-0:7
----
record: offset g t-0 = 5 v3
record: offset g t-1 = 6 v3
record: offset g u-0 = 7 v3
#1: commit t-0=ok t-1=ok u-0=ok

commit group=- to=t-0:1
----
record: offset  t-0 = 1 v3
#2: commit t-0=ok

commit group=new gen=4 member=m to=t-0:1
----
#3: commit t-0=GROUP_ID_NOT_FOUND

commit member=m gen=-1 to=t-0:9
----
record: offset g t-0 = 9 v3
#4: commit t-0=ok

fetch of=t-0,t-9
----
#5: fetch ok g:ok t-0=9/3/"m" t-9=-1/-1/""

fetch v=5 of=t-1
----
#6: fetch ok t-1=6/3/"m"

fetch v=5
----
#7: fetch ok t-0=9/3/"m" t-1=6/3/"m" u-0=7/3/"m"

fetch group=g,-,none
----
#8: fetch ok g:ok t-0=9/3/"m" t-1=6/3/"m" u-0=7/3/"m" -:ok none:ok

describe
----
#9: "g" ok Empty type="" protocol=""

describe group=none
----
#10: "none" ok Dead type="" protocol=""

describe group=none v=6
----
#11: "none" GROUP_ID_NOT_FOUND Dead type="" protocol=""

# Metadata is measured in UTF-16 units.
commit metadata=4096 to=t-0:1
----
record: offset g t-0 = 1 v3
#12: commit t-0=ok

commit metadata=4097 to=t-0:1
----
#13: commit t-0=OFFSET_METADATA_TOO_LARGE

commit metadata=2049 char=😀 to=t-0:1
----
#14: commit t-0=OFFSET_METADATA_TOO_LARGE

commit metadata=2048 char=😀 to=t-0:1
----
record: offset g t-0 = 1 v3
#15: commit t-0=ok

# A live group refuses commits from outside and of other generations.
join group=live v=3
----
#16: join ok member=c-16 gen=1 leader=c-16 protocol=range [c-16]

commit group=live member=c-16 gen=1 to=t-0:1
----
#17: commit t-0=REBALANCE_IN_PROGRESS

sync group=live member=c-16 assign=c-16:a
----
record: group live gen=1 protocol=range leader=c-16 c-16="a"
#18: sync ok "a"

commit group=live to=t-0:1
----
#19: commit t-0=UNKNOWN_MEMBER_ID

commit group=live member=x gen=1 to=t-0:1
----
#20: commit t-0=UNKNOWN_MEMBER_ID

commit group=live member=c-16 gen=2 to=t-0:1
----
#21: commit t-0=ILLEGAL_GENERATION

commit group=live member=c-16 gen=1 to=t-0:1,v-0:2
----
record: offset live t-0 = 1 v3
record: offset live v-0 = 2 v3
#22: commit t-0=ok v-0=ok

# Offsets of subscribed topics, and of groups with members, stay.
delete-offsets group=live of=t-0,v-0,v-9
----
record: offset live v-0 removed
#23: delete-offsets ok t-0=GROUP_SUBSCRIBED_TO_TOPIC v-0=ok v-9=ok

delete-offsets group=none of=t-0
----
#24: delete-offsets GROUP_ID_NOT_FOUND

delete-offsets group=- of=t-0
----
#25: delete-offsets INVALID_GROUP_ID

delete group=g,live,none
----
record: offset g t-0 removed
record: offset g t-1 removed
record: offset g u-0 removed
record: group g removed
#26: delete g=ok live=NON_EMPTY_GROUP none=GROUP_ID_NOT_FOUND

delete-offsets group=live of=v-0
----
#27: delete-offsets ok v-0=ok

fetch group=g
----
#28: fetch ok g:ok

list
----
#29: list ok //Empty/classic live/consumer/Stable/classic

restart
----
(nothing)

list
----
#30: list ok //Empty/classic live/consumer/Stable/classic
