package broker

import "sync"

// blockBytes is what clients ask of one partition when they ask nothing else.
const blockBytes = 1 << 20

// memory is where one fetch reads records to, in blocks that serve one fetch
// after another. It belongs to one goroutine at a time.
type memory struct {
	blocks []*[blockBytes]byte
	used   int // of the last block
}

// take is room for n bytes, which are given back by release.
func (m *memory) take(pool *sync.Pool, n int) []byte {
	if n > blockBytes {
		return make([]byte, n) // a batch that is larger than what is asked for
	}
	if len(m.blocks) == 0 || m.used+n > blockBytes {
		m.blocks, m.used = append(m.blocks, pool.Get().(*[blockBytes]byte)), 0
	}
	at := m.used
	m.used += n
	return m.blocks[len(m.blocks)-1][at:m.used:m.used]
}

// release gives back all that was taken.
func (m *memory) release(pool *sync.Pool) {
	for _, b := range m.blocks {
		pool.Put(b)
	}
	clear(m.blocks)
	m.blocks, m.used = m.blocks[:0], 0
}
