# A batch takes out dynamic, pending and unknown members.
params
----
(nothing)

join v=3
----
#1: join ok member=c-1 gen=1 leader=c-1 protocol=range [c-1]

sync member=c-1 assign=c-1:a
----
record: group g gen=1 protocol=range leader=c-1 c-1="a"
#2: sync ok "a"

join
----
#3: join MEMBER_ID_REQUIRED member=c-3

leave member=c-1,c-3,stranger
----
record: group g gen=2 protocol=null leader=null
#4: leave ok c-1/null=ok c-3/null=ok stranger/null=UNKNOWN_MEMBER_ID

describe
----
#5: "g" ok Empty type="consumer" protocol=""

join member=c-3
----
#6: join UNKNOWN_MEMBER_ID member=c-3
