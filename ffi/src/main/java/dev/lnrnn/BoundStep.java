package dev.lnrnn;

import dev.lnrnn.internal.AddressedStep;
import dev.lnrnn.internal.Native;
import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/**
 * A {@link StepPass} with its buffers, made by {@link StepPass#bind}, which has checked them. Where the plan and all
 * buffers live in one arena, a step is the call of the native library and next to nothing else: their one lifetime and
 * the stream's are all that it keeps. Otherwise it is {@link StepPass#run}.
 *
 * <p>The buffers stay the caller's, and the last layer's part of h is the output. Any number of threads may run steps,
 * each with its own.
 */
public final class BoundStep implements Runnable {
    private final StepPass pass;
    private final DeviceBuffer packed;
    private final DeviceBuffer x;
    private final DeviceBuffer h;
    private final @Nullable DeviceBuffer c;
    private final DeviceBuffer workspace;
    private final boolean oneLifetime;
    // The arguments, here where a call need not ask the buffers.
    private final MemorySegment plan;
    private final MemorySegment stream;
    private final long batch;
    private final long packedAddress;
    private final long packedBytes;
    private final long xAddress;
    private final long xBytes;
    private final long hAddress;
    private final long cAddress;
    private final long stateBytes;
    private final long workspaceAddress;
    private final long workspaceBytes;

    /** Buffers that the pass has checked. */
    BoundStep(StepPass pass, MemorySegment stream, DeviceBuffer packed, DeviceBuffer x, DeviceBuffer h,
            @Nullable DeviceBuffer c, DeviceBuffer workspace) {
        this.pass = pass;
        this.packed = packed;
        this.x = x;
        this.h = h;
        this.c = c;
        this.workspace = workspace;
        this.plan = pass.plan().handle().segment();
        this.oneLifetime = livesAsLongAs(plan, packed) && livesAsLongAs(plan, x) && livesAsLongAs(plan, h)
                && (c == null || livesAsLongAs(plan, c)) && livesAsLongAs(plan, workspace);
        this.stream = stream;
        this.batch = pass.batch();
        this.packedAddress = packed.address();
        this.packedBytes = packed.byteSize();
        this.xAddress = x.address();
        this.xBytes = x.byteSize();
        this.hAddress = h.address();
        this.cAddress = c == null ? 0 : c.address();
        this.stateBytes = pass.stateBytes();
        this.workspaceAddress = workspace.address();
        this.workspaceBytes = workspace.byteSize();
    }

    private static boolean livesAsLongAs(MemorySegment plan, DeviceBuffer buffer) {
        return buffer.segment().scope().equals(plan.scope());
    }

    /**
     * Queues one step.
     *
     * @throws IllegalStateException if the pass, its plan, its stream or a buffer is closed
     */
    @Override
    public void run() {
        if (!oneLifetime) {
            pass.run(packed, x, h, c, workspace);
            return;
        }
        pass.checkOpen();
        int status;
        try {
            status = AddressedStep.run(plan, stream, batch, packedAddress, packedBytes, xAddress, xBytes, hAddress,
                    cAddress, stateBytes, workspaceAddress, workspaceBytes);
        } catch (AssertionError wrapper) {
            throw pass.refusal(wrapper, packed, x, h, c, workspace);
        }
        Native.check(status, "lnrnnStep");
    }
}
