# Without a verification a transaction cannot begin here.
txn-commit to=t-0:5
----
#1: txn-commit t-0=INVALID_TXN_STATE

verify
----
#2: verify needed=true

txn-commit to=t-0:5,t-1:6
----
record: offset g t-0 = 5 v3 of 1/0
record: offset g t-1 = 6 v3 of 1/0
#3: txn-commit t-0=ok t-1=ok

verify
----
#4: verify needed=false

# Pending offsets are nobody's yet, and who asks for stable ones waits.
fetch of=t-0,t-1,t-2
----
#5: fetch ok g:ok t-0=-1/-1/"" t-1=-1/-1/"" t-2=-1/-1/""

fetch v=7 stable=1 of=t-0,t-2
----
#6: fetch ok t-0=UNSTABLE_OFFSET_COMMIT t-2=-1/-1/""

fetch stable=1 of=t-0,t-2
----
#7: fetch ok g:ok t-0=UNSTABLE_OFFSET_COMMIT t-2=-1/-1/""

restart
----
(nothing)

fetch stable=1 of=t-0
----
#8: fetch ok g:ok t-0=UNSTABLE_OFFSET_COMMIT

# More of the same transaction needs no verification.
txn-commit to=t-0:7
----
record: offset g t-0 = 7 v3 of 1/0
#9: txn-commit t-0=ok

end epoch=1 commit=1
----
record: marker of 1/1 commit=true coordinator=0
#10: end ok

fetch stable=1 of=t-0,t-1
----
#11: fetch ok g:ok t-0=7/3/"m" t-1=6/3/"m"

# What comes late: the verification is of the time before the marker.
txn-commit to=t-0:1
----
#12: txn-commit t-0=INVALID_PRODUCER_EPOCH

txn-commit epoch=1 to=t-0:1
----
#13: txn-commit t-0=INVALID_TXN_STATE

txn-commit v=5 epoch=1 to=t-0:1
----
record: offset g t-0 = 1 v3 of 1/1
#14: txn-commit t-0=ok

end epoch=2
----
record: marker of 1/2 commit=false coordinator=0
#15: end ok

verify epoch=2
----
#16: verify needed=true

txn-commit epoch=2 to=t-0:8,u-0:1
----
record: offset g t-0 = 8 v3 of 1/2
record: offset g u-0 = 1 v3 of 1/2
#17: txn-commit t-0=ok u-0=ok

end epoch=2 coordinator=2
----
record: marker of 1/2 commit=false coordinator=2
#18: end ok

fetch stable=1
----
#19: fetch ok g:ok t-0=7/3/"m" t-1=6/3/"m"

end epoch=0
----
#20: end INVALID_PRODUCER_EPOCH

end epoch=2 coordinator=1 commit=1
----
#21: end TRANSACTION_COORDINATOR_FENCED

# Two producers have the same offset pending; a commit of a consumer that comes
# between stays, since it is the newest.
verify pid=2
----
#22: verify needed=true

txn-commit pid=2 to=t-0:20
----
record: offset g t-0 = 20 v3 of 2/0
#23: txn-commit t-0=ok

verify pid=3
----
#24: verify needed=true

txn-commit pid=3 to=t-0:30
----
record: offset g t-0 = 30 v3 of 3/0
#25: txn-commit t-0=ok

end pid=2 commit=1
----
record: marker of 2/0 commit=true coordinator=0
#26: end ok

fetch stable=1 of=t-0
----
#27: fetch ok g:ok t-0=UNSTABLE_OFFSET_COMMIT

commit to=t-0:40
----
record: offset g t-0 = 40 v3
#28: commit t-0=ok

end pid=3 commit=1
----
record: marker of 3/0 commit=true coordinator=0
#29: end ok

fetch stable=1 of=t-0
----
#30: fetch ok g:ok t-0=40/3/"m"

# A transaction that was aborted leaves no group behind.
verify pid=4
----
#31: verify needed=true

txn-commit group=h pid=4 to=t-0:1
----
record: offset h t-0 = 1 v3 of 4/0
#32: txn-commit t-0=ok

end pid=4
----
record: marker of 4/0 commit=false coordinator=0
#33: end ok

list
----
#34: list ok g//Empty/classic

# Deleting a group or an offset drops what is pending.
verify pid=5
----
#35: verify needed=true

txn-commit group=h pid=5 to=t-0:1,t-1:2
----
record: offset h t-0 = 1 v3 of 5/0
record: offset h t-1 = 2 v3 of 5/0
#36: txn-commit t-0=ok t-1=ok

delete-offsets group=h of=t-0
----
record: offset h t-0 removed
#37: delete-offsets ok t-0=ok

delete group=h
----
record: offset h t-1 removed
record: group h removed
#38: delete h=ok

end pid=5 commit=1
----
record: marker of 5/0 commit=true coordinator=0
#39: end ok

list
----
#40: list ok g//Empty/classic

# A member of the group is checked (KIP-447); without one the producer is
# believed.
join group=live v=3
----
#41: join ok member=c-41 gen=1 leader=c-41 protocol=range [c-41]

verify pid=6
----
#42: verify needed=true

txn-commit group=live pid=6 to=t-0:1
----
record: offset live t-0 = 1 v3 of 6/0
#43: txn-commit t-0=ok

txn-commit group=live pid=6 member=c-41 gen=1 to=t-0:2
----
record: offset live t-0 = 2 v3 of 6/0
#44: txn-commit t-0=ok

txn-commit group=live pid=6 member=c-41 gen=2 to=t-0:2
----
#45: txn-commit t-0=ILLEGAL_GENERATION

txn-commit group=live pid=6 member=x gen=1 to=t-0:2
----
#46: txn-commit t-0=UNKNOWN_MEMBER_ID

txn-commit group=none pid=6 member=x gen=1 to=t-0:2
----
#47: txn-commit t-0=ILLEGAL_GENERATION

txn-commit group=live pid=6 metadata=5000 to=t-0:2
----
#48: txn-commit t-0=OFFSET_METADATA_TOO_LARGE

# Offsets do not expire while something is pending, and neither does the group.
commit group=old to=t-0:1
----
record: offset old t-0 = 1 v3
#49: commit t-0=ok

verify pid=7
----
#50: verify needed=true

txn-commit group=old pid=7 to=t-0:2,t-1:3
----
record: offset old t-0 = 2 v3 of 7/0
record: offset old t-1 = 3 v3 of 7/0
#51: txn-commit t-0=ok t-1=ok

sleep 200h
----
at +10s
record: group live gen=2 protocol=null leader=null
at +168h0m0s
record: offset g t-0 removed
record: offset g t-1 removed
record: group g removed

end pid=7
----
record: marker of 7/0 commit=false coordinator=0
#52: end ok

sleep 1h
----
at +10m0s
record: offset old t-0 removed
record: group old removed
