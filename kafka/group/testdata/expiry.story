# Offsets without group protocol: seven days from the commit.
commit group=alone to=t-0:1
----
record: offset alone t-0 = 1 v3
#1: commit t-0=ok

sleep 24h
----
(nothing)

commit group=alone to=t-1:1
----
record: offset alone t-1 = 1 v3
#2: commit t-1=ok

# An end that the client sets (before OffsetCommit v5).
commit group=alone v=3 retention=1h to=t-2:1
----
record: offset alone t-2 = 1 v1
#3: commit t-2=ok

sleep 2h
----
at +1h0m0s
record: offset alone t-2 removed

fetch group=alone
----
#4: fetch ok alone:ok t-0=1/3/"m" t-1=1/3/"m"

# A group: seven days from when it became empty; topics that it no longer reads, from the commit.
join v=3 session=30m
----
#5: join ok member=c-5 gen=1 leader=c-5 protocol=range [c-5]

sync member=c-5 assign=c-5:a
----
record: group g gen=1 protocol=range leader=c-5 c-5="a"
#6: sync ok "a"

commit member=c-5 gen=1 to=t-0:1,old-0:2
----
record: offset g t-0 = 1 v3
record: offset g old-0 = 2 v3
#7: commit t-0=ok old-0=ok

sleep 20m
----
(nothing)

leave member=c-5
----
record: group g gen=2 protocol=null leader=null
#8: leave ok c-5/null=ok

sleep 143h
----
at +141h40m0s
record: offset alone t-0 removed

fetch group=alone,g
----
#9: fetch ok alone:ok t-1=1/3/"m" g:ok old-0=2/3/"m" t-0=1/3/"m"

sleep 25h
----
at +22h40m0s
record: offset alone t-1 removed
record: group alone removed
at +25h0m0s
record: offset g old-0 removed
record: offset g t-0 removed
record: group g removed

fetch group=alone,g
----
#10: fetch ok alone:ok g:ok

list
----
#11: list ok

restart
----
(nothing)

list
----
#12: list ok

# A stable group.
join v=3 session=30m group=s
----
#13: join ok member=c-13 gen=1 leader=c-13 protocol=range [c-13]

sync member=c-13 group=s assign=c-13:a
----
record: group s gen=1 protocol=range leader=c-13 c-13="a"
#14: sync ok "a"

commit group=s member=c-13 gen=1 to=t-0:1,old-0:2
----
record: offset s t-0 = 1 v3
record: offset s old-0 = 2 v3
#15: commit t-0=ok old-0=ok

beat group=s member=c-13 gen=1 every=20m times=505
----
at +20m0s
record: offset s old-0 removed

fetch group=s
----
#521: fetch ok s:ok t-0=1/3/"m"
