# What is taken back is gone with the next question.
user alice allow kafka-cluster:* on *
ask alice kafka-cluster:Connect cluster
----
allowed: identity-based policy user/alice/own, statement 1: Allow

key alice Inactive
ask alice kafka-cluster:Connect cluster
----
denied: its access key does not exist or is not active

key alice Active
ask alice kafka-cluster:Connect cluster
----
allowed: identity-based policy user/alice/own, statement 1: Allow

policy alice deny kafka-cluster:Connect on *
ask alice kafka-cluster:Connect cluster
----
denied: identity-based policy user/alice/own, statement 1: Deny

# by the time of day
policy alice allow kafka-cluster:Connect on * if DateLessThan aws:CurrentTime=2026-11-24T13:00:00Z
ask alice kafka-cluster:Connect cluster
----
allowed: identity-based policy user/alice/own, statement 1: Allow

pass 1h
ask alice kafka-cluster:Connect cluster
----
denied: no identity-based policy allows the kafka-cluster:Connect action

ask root kafka:DeleteCluster cluster
----
allowed: allowed to the root of the account
