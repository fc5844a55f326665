package broker

import "sync"

const (
	blockBytes = 1 << 20 // what clients ask of one partition when they say nothing
	maxBlocks  = 16      // of one fetch; what it reads beyond is its own
)

// memory is where one fetch reads records to, in blocks that serve one fetch
// after another. It belongs to one goroutine at a time.
type memory struct {
	blocks []*[blockBytes]byte
	used   int // of the last block
}

// take is room for n bytes, which are given back by release.
func (m *memory) take(pool *sync.Pool, n int) []byte {
	if len(m.blocks) == 0 || m.used+n > blockBytes {
		if n > blockBytes || len(m.blocks) == maxBlocks {
			return make([]byte, n)
		}
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
