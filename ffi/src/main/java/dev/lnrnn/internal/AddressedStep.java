package dev.lnrnn.internal;

import dev.lnrnn.raw.lnrnn_h;
import java.lang.foreign.AddressLayout;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;

/**
 * {@code lnrnnStep} with its buffers as plain numbers. The linker holds the plan's and the stream's arenas open during
 * the call, as ever, but has nothing to do for the buffers: they must live as long as the plan does.
 */
public final class AddressedStep {
    /** Plan and stream, which stay segments. */
    private static final int HANDLES = 2;

    private static final MethodHandle STEP = Linker.nativeLinker()
            .downcallHandle(lnrnn_h.lnrnnStep$address(), addressed(lnrnn_h.lnrnnStep$descriptor()));

    private AddressedStep() {}

    private static FunctionDescriptor addressed(FunctionDescriptor generated) {
        MemoryLayout[] arguments = generated.argumentLayouts().toArray(MemoryLayout[]::new);
        for (int i = HANDLES; i < arguments.length; i++) {
            if (arguments[i] instanceof AddressLayout) {
                arguments[i] = ValueLayout.JAVA_LONG;
            }
        }
        return FunctionDescriptor.of(generated.returnLayout().orElseThrow(), arguments);
    }

    /** As the generated binding, which wraps what the linker throws in the same way. */
    public static int run(MemorySegment plan, MemorySegment stream, long batch, long packed, long packedBytes, long x,
            long xBytes, long h, long c, long stateBytes, long workspace, long workspaceBytes) {
        try {
            return (int) STEP.invokeExact(plan, stream, batch, packed, packedBytes, x, xBytes, h, c, stateBytes,
                    workspace, workspaceBytes);
        } catch (Throwable e) {
            throw new AssertionError("the linker refuses an argument", e);
        }
    }
}
