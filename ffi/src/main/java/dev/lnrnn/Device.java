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
 * A device opened for use, and the owner of the buffers, streams, events, graphs, plans and layers made through it:
 * closing it closes them first.
 *
 * <p>Any number of threads may use a device. Closing waits for layers that other threads are in; where another thread
 * is in a pass or a copy, it is an {@link IllegalStateException} and can be repeated.
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
     * {@return the best device there is: the first GPU that can be opened, or else the processor} A GPU that is there
     * and cannot be opened is named in a warning of the logger {@code dev.lnrnn}.
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
     * @throws LnrnnException if there is no such device or it does not have what the options ask for
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
     * {@return the devices that the native library has kernels for, the processor first} Opens none of them: what a
     * device has no memory for, or another process has taken, is found when it is opened.
     *
     * @throws LnrnnException if the native library cannot be loaded
     */
    public static List<DeviceInfo> available() {
        return Devices.available();
    }

    /**
     * {@return the other GPUs, by name, each with a sentence that says why it cannot be opened; under {@code "cuda:0"}
     * why there is no GPU at all, where there is none}
     *
     * @throws LnrnnException if the native library cannot be loaded
     */
    public static Map<String, String> unavailable() {
        return Devices.unavailable();
    }

    /**
     * {@return why a device is not among the {@link #available()} ones, as a sentence; null if it is}
     *
     * @param name {@code "cpu"} or {@code "cuda:N"}
     * @throws IllegalArgumentException if the name is neither
     * @throws LnrnnException if the native library cannot be loaded
     */
    public static @Nullable String unavailableReason(String name) {
        return Devices.unavailableReason(DeviceName.parse(name));
    }

    /**
     * {@return what this device is and what it really uses}
     *
     * @throws IllegalStateException if the device is closed and nobody has asked before
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
     * @param bytes its extent, 0 allowed
     * @return a buffer that this device owns until it is closed
     * @throws IllegalArgumentException if {@code bytes} is negative
     * @throws LnrnnException with {@link Status#OUT_OF_MEMORY} if there is not enough
     */
    public DeviceBuffer allocate(long bytes) {
        return DeviceBuffer.allocate(this, bytes, null);
    }

    /**
     * Allocates memory of the device that lives as long as an arena. A call checks the liveness of each arena among
     * its arguments once, so buffers that are used together are best kept in one; a confined arena is the cheapest.
     *
     * @param bytes its extent, 0 allowed
     * @param arena what the buffer lives in
     * @return a buffer that is freed when the arena is closed; closing the buffer or this device leaves it alone
     * @throws IllegalArgumentException if {@code bytes} is negative
     * @throws LnrnnException with {@link Status#OUT_OF_MEMORY} if there is not enough
     */
    public DeviceBuffer allocate(long bytes, Arena arena) {
        return DeviceBuffer.allocate(this, bytes, Objects.requireNonNull(arena, "arena"));
    }

    /** {@return a new arena of page-locked host memory, which this device owns until it is closed} */
    public PinnedArena pinnedArena() {
        return PinnedArena.open(this);
    }

    /**
     * Pins native memory of the caller's, so that copies of it do not wait; for memory that a {@link PinnedArena}
     * cannot give.
     *
     * @param host native memory, not of a mapped file, at least one byte
     * @param arena what the segment was allocated in, shared or automatic: when it is closed, the memory is unpinned
     *     before it is freed
     * @return what unpins it earlier; closed at the latest with the arena or this device
     * @throws IllegalArgumentException if the segment is not native, empty, or not of the arena, or that is confined
     * @throws LnrnnException if the system refuses, or some of it is pinned already
     */
    public Registration register(MemorySegment host, Arena arena) {
        return Registration.of(this, host, arena);
    }

    /** {@return the stream that is always there; it closes with the device} */
    public Stream defaultStream() {
        return defaultStream;
    }

    /** {@return a new stream, owned by this device until it is closed} */
    public Stream createStream() {
        return new Stream(this, handle.create("stream on " + handle.name(), 0, "lnrnnStreamCreate", null,
                lnrnn_h::lnrnnStreamCreate, (device, stream) -> lnrnn_h.lnrnnStreamDestroy(stream)));
    }

    /** {@return a new event, owned by this device until it is closed} */
    public Event createEvent() {
        return new Event(this, handle.create("event on " + handle.name(), 0, "lnrnnEventCreate", null,
                lnrnn_h::lnrnnEventCreate, (device, event) -> lnrnn_h.lnrnnEventDestroy(event)));
    }

    /** Waits until the work queued on the default stream is done; reports what failed in it. */
    public void synchronize() {
        defaultStream.synchronize();
    }

    /**
     * Makes a plan, for callers who own buffers and streams themselves.
     *
     * @param spec what the plan computes
     * @return a plan, owned by this device until it is closed
     * @throws LnrnnException with {@link Status#NOT_SUPPORTED} if this version cannot do it on this device
     */
    public Plan createPlan(LayerSpec spec) {
        return Plan.create(this, spec, null);
    }

    /**
     * Makes a plan that lives as long as an arena; see {@link #allocate(long, Arena)} for why.
     *
     * @param spec what the plan computes
     * @param arena what the plan lives in
     * @return a plan that is destroyed when the arena is closed; closing the plan or this device leaves it alone
     * @throws LnrnnException with {@link Status#NOT_SUPPORTED} if this version cannot do it on this device
     */
    public Plan createPlan(LayerSpec spec, Arena arena) {
        return Plan.create(this, spec, Objects.requireNonNull(arena, "arena"));
    }

    /**
     * Makes a layer, whose parameters are still to be set, initialised or loaded.
     *
     * @param spec what the layer computes
     * @return a layer, owned by this device until it is closed
     * @throws LnrnnException with {@link Status#NOT_SUPPORTED} if this version cannot do it on this device
     */
    public Layer createLayer(LayerSpec spec) {
        return new Layer(this, spec);
    }

    /**
     * Makes the layer that a file of {@link Layer#save} describes, with its parameters.
     *
     * @param safetensors the file
     * @return the layer, owned by this device until it is closed
     * @throws IOException if the file cannot be read, is malformed, does not describe a layer that this version knows, or
     *     has other tensors than that layer's parameters; no memory is allocated then
     * @throws LnrnnException with {@link Status#NOT_SUPPORTED} if this version cannot do it on this device
     */
    public Layer loadLayer(Path safetensors) throws IOException {
        return loadLayer(safetensors, LoadOptions.DEFAULTS);
    }

    /**
     * Makes the layer that a file describes, with its parameters: those of the file that begin with the options' prefix.
     *
     * @param safetensors the file, whose metadata has {@link LayerSpec#toMetadata()} and whatever else
     * @param options which tensors are taken, and whether they are converted; not a part of the parameters
     * @return the layer, owned by this device until it is closed
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
     * Makes the layer that a file describes which is open. Otherwise as {@link #loadLayer(Path, LoadOptions)}.
     *
     * @param safetensors the file, which stays open
     * @param options which tensors are taken, and whether they are converted; not a part of the parameters
     * @return the layer, owned by this device until it is closed
     * @throws IllegalArgumentException if the options leave parameters out
     * @throws IOException as {@link #loadLayer(Path)}
     */
    public Layer loadLayer(Safetensors safetensors, LoadOptions options) throws IOException {
        return Checkpoint.loadLayer(this, Objects.requireNonNull(safetensors, "safetensors"),
                Objects.requireNonNull(options, "options"));
    }

    /**
     * Closes what this device still owns, latest first, and then the device; harmless when that is done already.
     *
     * @throws IllegalStateException if a call in another thread uses some of it; what could be closed is closed then,
     *     and closing can be repeated
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
