# A generation that waits for its leader is described with the assignments of the
# one before.
join
----
#1: join MEMBER_ID_REQUIRED member=c-1

join member=c-1
----
#2: join ok member=c-1 gen=1 leader=c-1 protocol=range [c-1]

sync member=c-1 assign=c-1:a
----
record: group g gen=1 protocol=range leader=c-1 c-1="a"
#3: sync ok "a"

join
----
#4: join MEMBER_ID_REQUIRED member=c-4

join member=c-4
----
(nothing)

join member=c-1
----
#6: join ok member=c-1 gen=2 leader=c-1 protocol=range [c-1] [c-4]
#5: join ok member=c-4 gen=2 leader=c-1 protocol=range

describe
----
#7: "g" ok CompletingRebalance type="consumer" protocol="" c-1/null client=c host=/127.0.0.1 metadata=0 "a" c-4/null client=c host=/127.0.0.1 metadata=0 ""

sync member=c-1 gen=2 assign=c-1:b,c-4:c
----
record: group g gen=2 protocol=range leader=c-1 c-1="b" c-4="c"
#8: sync ok "b"

describe
----
#9: "g" ok Stable type="consumer" protocol="range" c-1/null client=c host=/127.0.0.1 metadata=13 "b" c-4/null client=c host=/127.0.0.1 metadata=13 "c"
