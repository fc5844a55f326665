# Transactional offsets of a consumer group: at the member's epoch, or of nobody in particular.
topics t:2
----
(nothing)

hb member=a
----
record: member g a instance=null rack=null names=[t] pattern=null rebalance=60000 assignor=null
record: epoch g = 1
record: target g a = {t[0 1]}
record: target-epoch g = 1
record: current g a epoch=1/0 state=0 assigned={t[0 1]} revoking={}
#1: hb ok member=a epoch=1 assigned={t[0 1]}

verify
----
#2: verify needed=true

txn-commit member=a gen=0 to=t-0:5
----
#3: txn-commit t-0=ILLEGAL_GENERATION

txn-commit member=b gen=1 to=t-0:5
----
#4: txn-commit t-0=UNKNOWN_MEMBER_ID

txn-commit member=a gen=1 to=t-0:5,x-0:1
----
record: offset g t-0 = 5 v3 of 1/0
#5: txn-commit t-0=ok x-0=UNKNOWN_TOPIC_OR_PARTITION

txn-commit to=t-1:6
----
record: offset g t-1 = 6 v3 of 1/0
#6: txn-commit t-1=ok

fetch of=t-0,t-1 stable=1 member=a epoch=1
----
#7: fetch ok g:ok t-0=UNSTABLE_OFFSET_COMMIT t-1=UNSTABLE_OFFSET_COMMIT

# A topic that is deleted takes its pending offsets along, and an upgrade keeps them.
deleted t
----
record: offset g t-0 removed
record: offset g t-1 removed

end commit=1
----
record: marker of 1/0 commit=true coordinator=0
#8: end ok

fetch of=t-0,t-1
----
#9: fetch ok g:ok t-0=-1/-1/"" t-1=-1/-1/""

join group=h v=3
----
#10: join ok member=c-10 gen=1 leader=c-10 protocol=range [c-10]

sync group=h member=c-10 assign=c-10:t-0+t-1
----
record: group h gen=1 protocol=range leader=c-10 c-10=<t[0 1]>
#11: sync ok <t[0 1]>

verify group=h
----
#12: verify needed=true

txn-commit group=h to=t-0:7
----
record: offset h t-0 = 7 v3 of 1/0
#13: txn-commit t-0=ok

hb group=h member=n
----
record: group h removed
record: member h c-10 instance=null rack=null names=[t] pattern=null rebalance=60000 assignor=null classic
record: epoch h = 1
record: target h c-10 = {t[0 1]}
record: target-epoch h = 1
record: current h c-10 epoch=1/1 state=0 assigned={t[0 1]} revoking={}
record: member h n instance=null rack=null names=[t] pattern=null rebalance=60000 assignor=null
record: epoch h = 2
record: target h c-10 = {t[0]}
record: target h n = {t[1]}
record: target-epoch h = 2
record: current h n epoch=2/0 state=2 assigned={} revoking={}
#14: hb ok member=n epoch=2 assigned={}

end commit=1
----
record: marker of 1/0 commit=true coordinator=0
#15: end ok

fetch group=h of=t-0
----
#16: fetch ok h:ok t-0=7/3/"m"
