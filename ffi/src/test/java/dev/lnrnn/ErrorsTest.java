package dev.lnrnn;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** An error inside a binding comes out as itself, and the next call works. */
@Tag("device")
class ErrorsTest {

    private static final long STACK_BYTES = 512 << 10;

    /** Goes as deep as the stack is, and calls on the way back as often as it must to find the end in the call. */
    private static final class Descent {
        private final Runnable call;
        private Throwable unexpected;
        private int overflows;

        Descent(Runnable call) {
            this.call = call;
        }

        void descend() {
            try {
                descend();
            } catch (StackOverflowError e) {
                overflows++;
            }
            if (overflows < 400 && unexpected == null) {
                try {
                    call.run();
                    overflows = 400;
                } catch (StackOverflowError e) {
                    overflows++;
                } catch (Throwable e) {
                    unexpected = e;
                }
            }
        }
    }

    @Test
    void stackOverflowInsideABinding() throws InterruptedException {
        try (Device device = TestDevice.open(1);
                Layer layer = device.createLayer(LayerSpec.lstm(3, 4)).initialize(1);
                Plan plan = device.createPlan(LayerSpec.lstm(3, 4))) {
            DeviceBuffer parameters = device.allocate(plan.sizes(1, 1).parameterBytes());
            DeviceBuffer packed = device.allocate(plan.sizes(1, 1).packedBytes());
            float[] x = {1, 2, 3};
            float[] expected = layer.forward(x, 1, 1).y();
            for (Runnable call : List.<Runnable>of(
                    Library::usage, Library::version, device::synchronize, () -> plan.sizes(1, 1),
                    () -> plan.pack(device.defaultStream(), parameters, packed))) {
                call.run();
                Descent descent = new Descent(call);
                Thread thread = new Thread(null, descent::descend, "small stack", STACK_BYTES);
                thread.start();
                thread.join();
                assertNull(descent.unexpected, () -> String.valueOf(descent.unexpected));
                assertTrue(descent.overflows > 0);
                call.run();
                assertArrayEquals(expected, layer.forward(x, 1, 1).y());
            }
        }
        assertEquals(LeakCheck.NOTHING, Library.usage());
    }
}
