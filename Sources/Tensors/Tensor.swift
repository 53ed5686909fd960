// SPDX-License-Identifier: Apache-2.0

/// A tensor that owns its elements, at a 64-byte boundary: constants, tools and tests.
///
/// Copies share the elements, which never change once made. Types below eight bits are packed
/// from the lowest bits up. A request's tensors live in an `Arena` instead.
@safe
package struct Tensor: Sendable {
    package let type: DataType
    package let shape: Shape
    private let storage: Storage

    package var dimensions: [Int] { shape.dimensions }
    package var elementCount: Int { shape.elementCount }
    package var byteCount: Int { storage.byteCount }

    /// Bytes of memory held, the text of strings included.
    package var heldByteCount: Int { storage.byteCount + storage.textByteCount }

    /// Makes a tensor whose zeroed bytes `fill` then writes; nil when its size is beyond an `Int`.
    package init?<Failure: Error>(
        type: DataType,
        shape: Shape,
        fill: (inout MutableRawSpan) throws(Failure) -> Void
    ) throws(Failure) {
        precondition(type != .string, "strings are made by init(texts:)")
        guard let byteCount = type.byteCount(ofElements: shape.elementCount) else { return nil }
        let storage = Storage(byteCount: byteCount)
        var bytes = unsafe MutableRawSpan(_unsafeStart: storage.base, byteCount: byteCount)
        try fill(&bytes)
        storage.seal()
        (self.type, self.shape, self.storage) = (type, shape, storage)
    }

    /// Makes a zeroed tensor for a kernel to fill, which `seal` then ends; nil beyond an `Int`.
    ///
    /// Strings are empty at first, and the text they are to refer to lies elsewhere.
    package init?(openType type: DataType, shape: Shape) {
        guard let byteCount = type.byteCount(ofElements: shape.elementCount) else { return nil }
        (self.type, self.shape, storage) = (type, shape, Storage(byteCount: byteCount))
    }

    /// Keeps anybody from writing to the elements, where they take a page or more of their own.
    package func seal() { storage.seal() }

    /// Makes a tensor of a copy of `bytes`; nil when they are not as many as the shape takes.
    ///
    /// One that is only used for a while gets no pages of its own, which are what protects the others.
    package init?(
        type: DataType,
        shape: Shape,
        copying bytes: RawSpan,
        isLasting: Bool = true
    ) {
        guard type != .string, type.byteCount(ofElements: shape.elementCount) == bytes.byteCount
        else { return nil }
        let storage = Storage(byteCount: bytes.byteCount, isLasting: isLasting)
        unsafe bytes.withUnsafeBytes { source in
            guard let start = source.baseAddress else { return }
            unsafe storage.base.copyMemory(from: start, byteCount: source.count)
        }
        storage.seal()
        (self.type, self.shape, self.storage) = (type, shape, storage)
    }

    /// Makes a tensor of `elements`, which are as many as `shape` says.
    package init<Element: Scalar>(_ elements: [Element], shape: Shape) {
        precondition(Element.self != TextReference.self, "strings are made by init(texts:)")
        precondition(elements.count == shape.elementCount, "elements do not fill the shape")
        (type, self.shape) = (Element.dataType, shape)
        let byteCount = elements.count * MemoryLayout<Element>.stride
        let storage = Storage(byteCount: byteCount)
        unsafe elements.withUnsafeBytes { source in
            guard let start = source.baseAddress else { return }
            unsafe storage.base.copyMemory(from: start, byteCount: byteCount)
        }
        storage.seal()
        self.storage = storage
    }

    /// Makes a tensor of one axis.
    package init<Element: Scalar>(_ elements: [Element]) {
        guard let shape = Shape([elements.count]) else { preconditionFailure("a count is a shape") }
        self.init(elements, shape: shape)
    }

    /// Makes a tensor of strings, with the text of its own.
    package init(texts: [String], shape: Shape) {
        self.init(utf8Texts: texts.map { Array($0.utf8) }, shape: shape)
    }

    /// Makes a tensor of strings from their bytes, which nobody has to have proved UTF-8.
    package init(utf8Texts texts: [[UInt8]], shape: Shape) {
        precondition(texts.count == shape.elementCount, "texts do not fill the shape")
        (type, self.shape) = (.string, shape)
        let width = MemoryLayout<TextReference>.stride
        let storage = Storage(
            byteCount: texts.count * width,
            textByteCount: texts.reduce(0) { $0 + $1.count }
        )
        var offset = storage.byteCount
        for (index, text) in texts.enumerated() {
            let start = unsafe (storage.base + offset).assumingMemoryBound(to: UInt8.self)
            for (position, byte) in text.enumerated() { unsafe start[position] = byte }
            let reference = unsafe TextReference(
                UnsafeBufferPointer(start: start, count: text.count)
            )
            unsafe storage.base.storeBytes(
                of: reference,
                toByteOffset: index * width,
                as: TextReference.self
            )
            offset += text.count
        }
        storage.seal()
        self.storage = storage
    }

    init(type: DataType, shape: Shape, storage: Storage) {
        (self.type, self.shape, self.storage) = (type, shape, storage)
    }

    /// Makes a zeroed tensor in `region`, nil when there is no room; a string's text lies elsewhere.
    package init?(type: DataType, shape: Shape, in region: TensorRegion) {
        guard let byteCount = type.byteCount(ofElements: shape.elementCount),
            let base = unsafe region.take(byteCount: byteCount)
        else { return nil }
        (self.type, self.shape) = (type, shape)
        storage = unsafe Storage(taken: base, byteCount: byteCount, from: region)
    }

    /// Shows elements that somebody else owns and keeps for as long as the tensor is used.
    @unsafe
    package init?(showing base: UnsafeMutableRawPointer, type: DataType, shape: Shape) {
        guard let byteCount = type.byteCount(ofElements: shape.elementCount) else { return nil }
        (self.type, self.shape) = (type, shape)
        storage = unsafe Storage(showing: base, byteCount: byteCount)
    }

    /// Whether the elements last only as long as somebody else keeps them.
    package var isShown: Bool { storage.isShown }

    /// A copy in `region` of the elements (of strings, of where their text lies); nil without room.
    package func copied(to region: TensorRegion) -> Tensor? {
        guard let copy = Tensor(type: type, shape: shape, in: region) else { return nil }
        unsafe copy.address.copyMemory(from: address, byteCount: byteCount)
        return copy
    }

    /// The same elements under another shape of as many elements.
    package func reshaped(_ shape: Shape) -> Tensor {
        precondition(shape.elementCount == elementCount, "\(self.shape) is not \(shape)")
        return Tensor(type: type, shape: shape, storage: storage)
    }

    /// The elements, copied; the type has to be the tensor's.
    package func elements<Element: Scalar>(as _: Element.Type = Element.self) -> [Element] {
        withElements(as: Element.self) { span in
            var copy: [Element] = []
            copy.reserveCapacity(span.count)
            for index in span.indices { copy.append(span[index]) }
            return copy
        }
    }

    /// Lends the elements; the type has to be the tensor's.
    package func withElements<Element: Scalar, Output, Failure: Error>(
        as _: Element.Type,
        _ body: (Span<Element>) throws(Failure) -> Output
    ) throws(Failure) -> Output {
        precondition(type == Element.dataType, "\(type) read as \(Element.dataType)")
        let start = unsafe storage.base.assumingMemoryBound(to: Element.self)
        return try body(unsafe Span(_unsafeStart: start, count: elementCount))
    }

    /// Lends the bytes; of a string tensor these are references.
    package func withBytes<Output, Failure: Error>(
        _ body: (RawSpan) throws(Failure) -> Output
    ) throws(Failure) -> Output {
        let start = unsafe storage.base
        return try body(unsafe RawSpan(_unsafeStart: start, byteCount: byteCount))
    }

    /// Lends the bytes where they lie, which may be in a file and at no alignment, for a reader that
    /// leaves no copy behind; see `TensorLoan`.
    package func withStoredBytes<Output, Failure: Error>(
        _ body: (RawSpan) throws(Failure) -> Output
    ) throws(Failure) -> Output {
        let start = unsafe storage.bytes
        return try body(unsafe RawSpan(_unsafeStart: start, byteCount: byteCount))
    }

    /// Where the elements lie in a mapped file, for who keeps it; nil where they lie in memory.
    package var filePart: FilePart? { storage.filePart }

    /// The strings, copied; bytes that are no UTF-8 are replaced.
    package var texts: [String] {
        elements(as: TextReference.self).map { unsafe String(decoding: $0.bytes, as: UTF8.self) }
    }

    /// Where the elements start; valid while a copy of the tensor lives, and never to be written.
    @unsafe package var address: UnsafeMutableRawPointer { unsafe storage.base }
}
