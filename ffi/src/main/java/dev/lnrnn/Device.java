package dev.lnrnn;

import dev.lnrnn.internal.Handle;
import dev.lnrnn.internal.Native;
import dev.lnrnn.internal.NativeDevice;
import dev.lnrnn.internal.NativeLibrary;
import dev.lnrnn.interop.Safetensors;
import dev.lnrnn.raw.lnrnn_h;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * An open device. It owns the buffers, streams, events, graphs, plans and layers created from it; closing the device
 * first closes them.
 *
 * <p>Any number of threads may use a device. Closing waits for calls of layers in other threads. While another thread
 * runs a pass or a copy, closing throws {@link IllegalStateException} and can be repeated.
 *
 * {@snippet :
 * try (Device device = Device.best();
 *         Layer lstm = device.createLayer(LayerSpec.lstm(64, 128)).initialize(42)) {
 *     float[] y = lstm.forward(x, steps, batch).y();
 * }
 * }
 */
public final class Device implements AutoCloseable {
    private static final long PIECE_BYTES = 1 << 20;

    private final NativeDevice handle;
    /** What decided the number of threads, which the native library was told; null where the caller did. */
    private final @Nullable String threadsFrom;
    private volatile @Nullable DeviceInfo info;
    private final Stream defaultStream = new Stream(this, null);
    private final Staging staging = new Staging(this);

    private Device(NativeDevice handle, @Nullable String threadsFrom) {
        this.handle = handle;
        this.threadsFrom = threadsFrom;
    }

    /**
     * {@return the processor, with the default options}
     *
     * @throws LnrnnException if the native library cannot be loaded
     */
    public static Device cpu() {
        return open("cpu");
    }

    /**
     * {@return the first GPU that can be opened, or else the processor} The logger {@code dev.lnrnn} warns of each GPU
     * that exists but cannot be opened.
     *
     * @throws LnrnnException if the native library cannot be loaded
     */
    public static Device best() {
        for (DeviceName gpu : Devices.all(DeviceName.FIRST_CUDA)) {
            try {
                return open(gpu.toString());
            } catch (LnrnnException refusal) {
                System.getLogger("dev.lnrnn").log(System.Logger.Level.WARNING, refusal.getMessage());
            }
        }
        return cpu();
    }

    /**
     * Opens a device with the default options.
     *
     * @param name {@code "cpu"} or {@code "cuda:N"}
     * @return the device, owned by the caller
     * @throws IllegalArgumentException if the name is neither
     * @throws LnrnnException if there is no such device, with the reason
     */
    public static Device open(String name) {
        return open(name, DeviceOptions.DEFAULTS);
    }

    /**
     * Opens a device.
     *
     * @param name {@code "cpu"} or {@code "cuda:N"}
     * @param options threads and instruction set
     * @return the device, owned by the caller
     * @throws IllegalArgumentException if the name is neither
     * @throws LnrnnException if there is no such device, or it does not support the options
     */
    public static Device open(String name, DeviceOptions options) {
        DeviceName parsed = DeviceName.parse(name);
        Objects.requireNonNull(options, "options");
        NativeLibrary.load();
        DeviceInfo defaults = parsed.cuda() || options.threads() != 0 ? null : Devices.info(parsed);
        int threads = defaults == null ? options.threads() : defaults.threads();
        return new Device(
                NativeDevice.open(parsed.toString(), parsed.kind(), parsed.ordinal(), threads, options.isa()),
                defaults == null ? null : defaults.threadsFrom());
    }

    /**
     * {@return the devices that the native library has kernels for, the processor first} None of them is opened, so
     * opening one can still fail, for instance where another process holds it or its memory.
     *
     * @throws LnrnnException if the native library cannot be loaded
     */
    public static List<DeviceInfo> available() {
        return Devices.available();
    }

    /**
     * {@return the other GPUs by name, each with the reason why it cannot be opened} Where there is no GPU at all, the
     * reason stands under {@code "cuda:0"}.
     *
     * @throws LnrnnException if the native library cannot be loaded
     */
    public static Map<String, String> unavailable() {
        return Devices.unavailable();
    }

    /**
     * {@return the reason why a device is not {@link #available()}; null if it is}
     *
     * @param name {@code "cpu"} or {@code "cuda:N"}
     * @throws IllegalArgumentException if the name is neither
     * @throws LnrnnException if the native library cannot be loaded
     */
    public static @Nullable String unavailableReason(String name) {
        return Devices.unavailableReason(DeviceName.parse(name));
    }

    /**
     * {@return the properties of this device and the options in effect}
     *
     * @throws IllegalStateException if the device is closed and this is the first call
     */
    public DeviceInfo info() {
        DeviceInfo known = info;
        if (known == null) {
            // Not before somebody asks: in a JVM that has just started, reading this struct takes longer than a pass.
            known = readInfo();
            info = known;
        }
        return known;
    }

    private DeviceInfo readInfo() {
        try (Arena scratch = Arena.ofConfined()) {
            MemorySegment properties = Devices.allocateProperties(scratch);
            Native.call("lnrnnGetProperties", () -> lnrnn_h.lnrnnGetProperties(handle.segment(), properties));
            DeviceInfo read = DeviceInfo.read(handle.name(), properties);
            return threadsFrom == null ? read : read.withThreads(read.threads(), threadsFrom);
        }
    }

    /**
     * Allocates memory of the device, 64-byte aligned, contents undefined.
     *
     * @param bytes the size, 0 allowed
     * @return a buffer, owned by this device
     * @throws IllegalArgumentException if {@code bytes} is negative
     * @throws LnrnnException with {@link Status#OUT_OF_MEMORY} if there is not enough
     */
    public DeviceBuffer allocate(long bytes) {
        return DeviceBuffer.allocate(this, bytes, null);
    }

    /**
     * Allocates memory of the device that lives as long as an arena. Each call checks the liveness of every arena among
     * its arguments, so keep buffers that are used together in one arena. A confined arena is the cheapest.
     *
     * @param bytes the size, 0 allowed
     * @param arena the arena that frees the buffer
     * @return a buffer that lives until the arena is closed; closing the buffer or this device does not free it
     * @throws IllegalArgumentException if {@code bytes} is negative
     * @throws LnrnnException with {@link Status#OUT_OF_MEMORY} if there is not enough
     */
    public DeviceBuffer allocate(long bytes, Arena arena) {
        return DeviceBuffer.allocate(this, bytes, Objects.requireNonNull(arena, "arena"));
    }

    /** {@return a new arena of page-locked host memory, owned by this device} */
    public PinnedArena pinnedArena() {
        return PinnedArena.open(this);
    }

    /**
     * Page-locks native memory of the caller's, so that copies of it do not wait. Use it for memory that does not come
     * from a {@link PinnedArena}.
     *
     * @param host native memory, not of a mapped file, at least one byte
     * @param arena the shared or automatic arena that the segment was allocated in; closing it first unlocks the memory
     * @return the registration, which unlocks the memory when it, the arena or this device is closed
     * @throws IllegalArgumentException if the segment is not native, is empty or not of the arena, or the arena is
     *     confined
     * @throws LnrnnException if the system refuses, or part of the memory is page-locked already
     */
    public Registration register(MemorySegment host, Arena arena) {
        return Registration.of(this, host, arena);
    }

    /** {@return the default stream, which closes with the device} */
    public Stream defaultStream() {
        return defaultStream;
    }

    /** {@return a new stream, owned by this device} */
    public Stream createStream() {
        return new Stream(this, handle.create("stream on " + handle.name(), 0, "lnrnnStreamCreate", null,
                lnrnn_h::lnrnnStreamCreate, (device, stream) -> lnrnn_h.lnrnnStreamDestroy(stream)));
    }

    /** {@return a new event, owned by this device} */
    public Event createEvent() {
        return new Event(this, handle.create("event on " + handle.name(), 0, "lnrnnEventCreate", null,
                lnrnn_h::lnrnnEventCreate, (device, event) -> lnrnn_h.lnrnnEventDestroy(event)));
    }

    /** Waits until all work queued on the default stream is done, and throws if some of it failed. */
    public void synchronize() {
        defaultStream.synchronize();
    }

    /**
     * Creates a plan, for callers who own buffers and streams themselves.
     *
     * @param spec the layers
     * @return a plan, owned by this device
     * @throws IllegalArgumentException if two values of the description contradict each other
     * @throws LnrnnException with {@link Status#NOT_SUPPORTED} if this device does not support it
     */
    public Plan createPlan(LayerSpec spec) {
        return Plan.create(this, spec, null);
    }

    /**
     * Creates a plan that lives as long as an arena; {@link #allocate(long, Arena)} says when that pays.
     *
     * @param spec the layers
     * @param arena the arena that destroys the plan
     * @return a plan that lives until the arena is closed; closing the plan or this device does not destroy it
     * @throws IllegalArgumentException if two values of the description contradict each other
     * @throws LnrnnException with {@link Status#NOT_SUPPORTED} if this device does not support it
     */
    public Plan createPlan(LayerSpec spec, Arena arena) {
        return Plan.create(this, spec, Objects.requireNonNull(arena, "arena"));
    }

    /**
     * Creates a layer. Set, initialise or load its parameters before the first pass.
     *
     * @param spec the layer
     * @return a layer, owned by this device
     * @throws IllegalArgumentException if two values of the description contradict each other
     * @throws LnrnnException with {@link Status#NOT_SUPPORTED} if this device does not support it
     */
    public Layer createLayer(LayerSpec spec) {
        return new Layer(this, spec);
    }

    /**
     * Creates the layer that a file of {@link Layer#save} describes, with its parameters.
     *
     * @param safetensors the file
     * @return the layer, owned by this device
     * @throws IOException if the file cannot be read, is malformed, describes no layer that this version knows, or has
     *     other tensors than that layer's parameters; then no memory of the device is allocated
     * @throws LnrnnException with {@link Status#NOT_SUPPORTED} if this device does not support it
     */
    public Layer loadLayer(Path safetensors) throws IOException {
        return loadLayer(safetensors, LoadOptions.DEFAULTS);
    }

    /**
     * Creates the layer that a file describes, with its parameters: the tensors whose names begin with the options'
     * prefix.
     *
     * @param safetensors the file, whose metadata contains {@link LayerSpec#toMetadata()}
     * @param options the tensors to load and whether to convert them; they cannot leave parameters out
     * @return the layer, owned by this device
     * @throws IllegalArgumentException if the options leave parameters out
     * @throws IOException as {@link #loadLayer(Path)}
     */
    public Layer loadLayer(Path safetensors, LoadOptions options) throws IOException {
        Objects.requireNonNull(options, "options");
        try (Safetensors file = Safetensors.read(safetensors)) {
            return loadLayer(file, options);
        }
    }

    /**
     * Creates the layer that an open file describes. Otherwise as {@link #loadLayer(Path, LoadOptions)}.
     *
     * @param safetensors the file, which stays open
     * @param options the tensors to load and whether to convert them; they cannot leave parameters out
     * @return the layer, owned by this device
     * @throws IllegalArgumentException if the options leave parameters out
     * @throws IOException as {@link #loadLayer(Path)}
     */
    public Layer loadLayer(Safetensors safetensors, LoadOptions options) throws IOException {
        return Checkpoint.loadLayer(this, Objects.requireNonNull(safetensors, "safetensors"),
                Objects.requireNonNull(options, "options"));
    }

    /**
     * Closes everything that this device owns, latest first, and then the device. Closing twice is harmless.
     *
     * @throws IllegalStateException if a call in another thread uses part of it; everything else is closed then, and
     *     closing can be repeated
     */
    @Override
    public void close() {
        handle.close();
    }

    /** {@return "device" and its name} */
    @Override
    public String toString() {
        return "device " + handle.name();
    }

    NativeDevice handle() {
        return handle;
    }

    /** Memory full of zeros, on the default stream. */
    DeviceBuffer zeros(long bytes, Arena arena) {
        DeviceBuffer buffer = allocate(bytes, arena);
        if (handle.isCpu()) {
            // Nobody else knows it yet; and a native function would have to be linked, for a JVM that has just started.
            // In pieces, because the garbage collector waits for each.
            MemorySegment memory = buffer.extent();
            for (long done = 0; done < bytes; done += PIECE_BYTES) {
                memory.asSlice(done, Math.min(PIECE_BYTES, bytes - done)).fill((byte) 0);
            }
        } else {
            defaultStream.fill(buffer, (byte) 0);
        }
        return buffer;
    }

    Staging staging() {
        return staging;
    }

    void checkOwns(Handle child) {
        if (child.device() != handle) {
            throw new IllegalArgumentException(child.name() + " does not belong to " + this);
        }
    }
}
