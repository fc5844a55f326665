# A process that starts again registers its brokers again: nobody is fenced then.
brokers 1@az1 2@az2 3@az3
----
event brokers

create t partitions=1 rf=3
----
ok partitions=1 rf=3
event topic/t

fence 2
----
ok
event brokers
event topic/t

brokers 1@az1 2@az2 3@az3
----
event brokers
event topic/t

show t
----
t-0 leader=3 epoch=1/2 replicas=[2 3 1] isr=[3 1 2]

# Nothing changed: no topic is written.
brokers 1@az1 2@az2 3@az3
----
event brokers

# A broker that is not named is gone.
brokers 1@az1 3@az3
----
event brokers
event topic/t

show t
----
t-0 leader=3 epoch=1/3 replicas=[2 3 1] isr=[3 1]
