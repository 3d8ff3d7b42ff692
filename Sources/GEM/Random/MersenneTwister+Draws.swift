// The draws of Python's `random` module, bit by bit. Each says how many words it consumes, because every draw shifts all
// that come after it.

extension MersenneTwister {
    /// The upper `count` of the next 32 bits; `count` is 1…32. One word.
    @inlinable
    public mutating func bits(_ count: Int) -> UInt32 { u32() >> UInt32(32 - count) }

    /// A double in 0..<1 with 53 random bits, as `random()`. Two words.
    @inlinable
    public mutating func unit() -> Double {
        let high = u32() >> 5
        let low = u32() >> 6
        return (Double(high) * 67_108_864 + Double(low)) * 0x1p-53
    }

    /// An integer in `0..<limit`, as `randrange(limit)`. At least one word, also for `below(1)`.
    ///
    /// `limit` is 1…2³²−1.
    @inlinable
    public mutating func below(_ limit: Int) -> Int {
        precondition(limit > 0 && limit <= UInt32.max, "a draw needs a limit from 1 to 2³²−1")
        let shift = UInt32(limit).leadingZeroBitCount  // a power of two takes one bit more than it needs
        while true {
            let value = Int(u32() >> UInt32(shift))
            if value < limit { return value }
        }
    }

    /// An integer from `low` to `high`, both included, as `randint(low, high)`.
    @inlinable
    public mutating func between(_ low: Int, _ high: Int) -> Int { low + below(high - low + 1) }

    /// One element, as `choice(list)`; `list` is not empty.
    @inlinable
    public mutating func pick<List: RandomAccessCollection>(_ list: List) -> List.Element {
        list[list.index(list.startIndex, offsetBy: below(list.count))]
    }

    /// Shuffles `list` in place, as `shuffle(list)`.
    @inlinable
    public mutating func mix<List: MutableCollection & RandomAccessCollection>(_ list: inout List)
    where List.Index == Int {
        var last = list.count - 1
        while last > 0 {
            list.swapAt(list.startIndex + last, list.startIndex + below(last + 1))
            last -= 1
        }
    }

    /// `count` different positions below `total` in the order drawn, as `sample(range(total), count)`.
    ///
    /// - Precondition: `count` is at most `total`.
    public mutating func sample(_ count: Int, below total: Int) -> [Int] {
        precondition(count >= 0 && count <= total, "a sample cannot be larger than what it is taken from")
        var poolLimit = 21
        if count > 5 {
            var power = 4
            while power < 3 * count { power *= 4 }
            poolLimit += power
        }
        var drawn: [Int] = []
        drawn.reserveCapacity(count)
        if total <= poolLimit {
            var pool = Array(0..<total)
            for place in 0..<count {
                let index = below(total - place)
                drawn.append(pool[index])
                pool[index] = pool[total - place - 1]
            }
        } else {
            var seen: Set<Int> = []
            while drawn.count < count {
                let index = below(total)
                if seen.insert(index).inserted { drawn.append(index) }
            }
        }
        return drawn
    }

    /// `count` different elements in the order drawn, as `sample(list, count)`.
    @inlinable
    public mutating func sample<List: RandomAccessCollection>(_ list: List, _ count: Int) -> [List.Element] {
        sample(count, below: list.count).map { list[list.index(list.startIndex, offsetBy: $0)] }
    }

    /// `count` elements, each drawn from the whole of `list`, as `choices(list, k=count)`. Two words each.
    @inlinable
    public mutating func choices<List: RandomAccessCollection>(_ list: List, _ count: Int) -> [List.Element] {
        (0..<count).map { _ in
            list[list.index(list.startIndex, offsetBy: Int(unit() * Double(list.count)))]
        }
    }
}
