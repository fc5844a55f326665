# group.max.size: a member that was given an id still fits.
params size=1
----
(nothing)

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
#4: join GROUP_MAX_SIZE_REACHED member=

join member=c-4
----
#5: join GROUP_MAX_SIZE_REACHED member=

join v=3
----
#6: join GROUP_MAX_SIZE_REACHED member=

# A static member that comes back takes its own place.
params size=1
----
(nothing)

join instance=i
----
#1: join ok member=i-1 gen=1 leader=i-1 protocol=range [i-1]

sync member=i-1 assign=i-1:a
----
record: group g gen=1 protocol=range leader=i-1 i-1="a"
#2: sync ok "a"

join instance=i
----
record: group g gen=1 protocol=range leader=i-3 i-3="a"
#3: join ok member=i-3 gen=1 leader=i-3 protocol=range [i-3] skip

join instance=j
----
#4: join GROUP_MAX_SIZE_REACHED member=
