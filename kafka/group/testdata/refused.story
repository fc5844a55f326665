# What JoinGroup refuses.
join group=-
----
#1: join INVALID_GROUP_ID member=

join session=5s
----
#2: join INVALID_SESSION_TIMEOUT member=

join session=31m
----
#3: join INVALID_SESSION_TIMEOUT member=

join member=stranger
----
#4: join UNKNOWN_MEMBER_ID member=stranger

join protocols=
----
#5: join INCONSISTENT_GROUP_PROTOCOL member=

join type=
----
#6: join INCONSISTENT_GROUP_PROTOCOL member=

join bytes=2000000
----
#7: join INVALID_REQUEST member=

join v=0
----
#8: join ok member=c-8 gen=1 leader=c-8 protocol=range [c-8]

sync member=c-8 assign=c-8:a
----
record: group g gen=1 protocol=range leader=c-8 c-8="a"
#9: sync ok "a"

join v=3 type=connect
----
#10: join INCONSISTENT_GROUP_PROTOCOL member=

join v=3 protocols=roundrobin
----
#11: join INCONSISTENT_GROUP_PROTOCOL member=

join v=3 member=stranger
----
#12: join UNKNOWN_MEMBER_ID member=stranger

sync group=-
----
#13: sync INVALID_GROUP_ID ""

sync group=other member=c-8
----
#14: sync UNKNOWN_MEMBER_ID ""

heartbeat group=-
----
#15: heartbeat INVALID_GROUP_ID

leave group=- member=x
----
#16: leave INVALID_GROUP_ID

leave group=other member=x
----
#17: leave ok x/null=UNKNOWN_MEMBER_ID

leave member=stranger v=2
----
#18: leave UNKNOWN_MEMBER_ID

# An id that is not used is forgotten, and with it a group of nobody.
join group=idle
----
#19: join MEMBER_ID_REQUIRED member=c-19

list
----
#20: list ok g/consumer/Stable/classic idle//Empty/classic

sleep 10s
----
at +10s
record: group g gen=2 protocol=null leader=null

list
----
#21: list ok g/consumer/Empty/classic

join group=idle member=c-19
----
#22: join UNKNOWN_MEMBER_ID member=c-19
