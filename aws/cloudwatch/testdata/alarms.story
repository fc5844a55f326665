# What alarms make of their datapoints (aws:cloudwatch user guide, how alarms treat missing data, its tables first).
# M/N: datapoints to alarm of periods; the newest is last: 0 does not breach, X does, - is missing; then the state by
# what a missing one counts as: missing, ignore, breaching, notBreaching; "=" is as before.
3/3 | 0 - X - X | OK OK OK OK
3/3 | - - - - 0 | OK OK OK OK
3/3 | - - - - - | INSUFFICIENT_DATA = ALARM OK
3/3 | 0 X X - X | ALARM ALARM ALARM ALARM
3/3 | - - X - - | ALARM = ALARM OK
2/3 | 0 - X - X | ALARM ALARM ALARM ALARM
2/3 | 0 0 X 0 X | ALARM ALARM ALARM ALARM
2/3 | 0 - X - - | OK OK ALARM OK
2/3 | - - - - 0 | OK OK ALARM OK
2/3 | - - - X - | ALARM = ALARM OK
# A first datapoint that breaches is waited for: the next may not.
3/3 | - - - - X | = = ALARM OK
2/3 | - - - - X | = = ALARM OK
1/1 | - - X | ALARM ALARM ALARM ALARM
1/1 | X X 0 | OK OK OK OK
1/1 | X - - | ALARM ALARM ALARM ALARM
1/3 | 0 0 0 X 0 | ALARM ALARM ALARM ALARM
1/3 | X X 0 0 0 | OK OK OK OK
