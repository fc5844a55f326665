# The assignor that most members ask for; static members come first.
topics t:4 u:4
----
(nothing)

hb member=a names=t,u assignor=range
----
record: member g a instance=null rack=null names=[t u] pattern=null rebalance=60000 assignor=range
record: epoch g = 1
record: target g a = {t[0 1 2 3] u[0 1 2 3]}
record: target-epoch g = 1
record: current g a epoch=1/0 state=0 assigned={t[0 1 2 3] u[0 1 2 3]} revoking={}
#1: hb ok member=a epoch=1 assigned={t[0 1 2 3] u[0 1 2 3]}

hb member=b names=t,u instance=i assignor=range
----
record: member g b instance=i rack=null names=[t u] pattern=null rebalance=60000 assignor=range
record: epoch g = 2
record: target g a = {t[2 3] u[2 3]}
record: target g b = {t[0 1] u[0 1]}
record: target-epoch g = 2
record: current g b epoch=2/0 state=2 assigned={} revoking={}
#2: hb ok member=b epoch=2 assigned={}

hb member=c names=t,u assignor=uniform
----
record: member g c instance=null rack=null names=[t u] pattern=null rebalance=60000 assignor=uniform
record: epoch g = 3
record: target g a = {t[2] u[2]}
record: target g c = {t[3] u[3]}
record: target-epoch g = 3
record: current g c epoch=3/0 state=2 assigned={} revoking={}
#3: hb ok member=c epoch=3 assigned={}

describe-consumer
----
#4: "g" ok Reconciling epoch=3/3 range | a/null epoch=1 type=1 [t u] {t[0 1 2 3] u[0 1 2 3]} target {t[2] u[2]} | b/i epoch=2 type=1 [t u] {} target {t[0 1] u[0 1]} | c/null epoch=3 type=1 [t u] {} target {t[3] u[3]}

# A vote alone does not rebalance: it counts the next time. A tie is for uniform.
hb member=a epoch=1 owned=t-0,t-1,t-2,t-3,u-0,u-1,u-2,u-3 assignor=uniform
----
record: member g a instance=null rack=null names=[t u] pattern=null rebalance=60000 assignor=uniform
record: current g a epoch=1/1 state=1 assigned={t[2] u[2]} revoking={t[0 1 3] u[0 1 3]}
#5: hb ok member=a epoch=1 assigned={t[2] u[2]}

describe-consumer
----
#6: "g" ok Reconciling epoch=3/3 uniform | a/null epoch=1 type=1 [t u] {t[2] u[2]} target {t[2] u[2]} | b/i epoch=2 type=1 [t u] {} target {t[0 1] u[0 1]} | c/null epoch=3 type=1 [t u] {} target {t[3] u[3]}

hb member=d names=t,u
----
record: member g d instance=null rack=null names=[t u] pattern=null rebalance=60000 assignor=null
record: epoch g = 4
record: target g b = {t[0 1]}
record: target g d = {u[0 1]}
record: target-epoch g = 4
record: current g d epoch=4/0 state=2 assigned={} revoking={}
#7: hb ok member=d epoch=4 assigned={}

describe-consumer
----
#8: "g" ok Reconciling epoch=4/4 uniform | a/null epoch=1 type=1 [t u] {t[2] u[2]} target {t[2] u[2]} | b/i epoch=2 type=1 [t u] {} target {t[0 1]} | c/null epoch=3 type=1 [t u] {} target {t[3] u[3]} | d/null epoch=4 type=1 [t u] {} target {u[0 1]}
