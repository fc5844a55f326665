package storage

type AbortedTransaction struct{ ProducerID, FirstOffset int64 }

func (l *Log) Aborted(from, below int64) ([]AbortedTransaction, error) { return nil, nil }
