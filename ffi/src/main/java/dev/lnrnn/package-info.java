/**
 * Layer-normalised recurrent networks: devices, memory, layers and passes.
 *
 * <p>There are two levels; the upper one uses the lower one:
 *
 * <ul>
 *   <li><b>Layers</b> ({@link dev.lnrnn.Layer}, {@link dev.lnrnn.Streaming}, {@link dev.lnrnn.Training}) take and
 *       return Java arrays and memory segments, and manage the memory of the device themselves.
 *   <li><b>Passes</b> are for authors of frameworks, who own every buffer and stream. A {@link dev.lnrnn.Plan}
 *       describes the layers. From it the caller binds named buffers once, to an {@link dev.lnrnn.InferencePass}, a
 *       {@link dev.lnrnn.StepPass}, or {@link dev.lnrnn.TrainingPasses}: a {@link dev.lnrnn.ForwardPass} and a
 *       {@link dev.lnrnn.BackwardPass}. Each run is then one call of the native library and allocates nothing on the
 *       Java heap.
 * </ul>
 *
 * <p><b>Shapes.</b> T steps, N batch rows, C input size, H hidden size, P features of h (H, unless an LSTM
 * {@linkplain dev.lnrnn.LayerSpec#withProjection projects} it), L layers, D directions, G gates. Tensors are row-major,
 * and features are contiguous. x is (T,N,C) and y is (T,N,D&middot;P), time-major unless a {@link dev.lnrnn.Sequence}
 * says otherwise. States are h (L&middot;D,N,P) and c (L&middot;D,N,H); layer l and direction d are at l&middot;D+d.
 *
 * <p><b>Types.</b> x, y, their gradients and the parameters have a layer's {@link dev.lnrnn.DataType}. States, their
 * gradients and the gradients of parameters have its {@link dev.lnrnn.DataType#accumulation() accumulation type}.
 *
 * <p><b>Ownership.</b> Closing a {@link dev.lnrnn.Device} first closes everything created from it. Closing twice is
 * harmless. Using a closed object throws an {@link java.lang.IllegalStateException} that names it; so does closing an
 * object while another thread's call uses it.
 *
 * <p><b>Memory.</b> Passes work on memory of a device ({@link dev.lnrnn.DeviceBuffer}). Copies from and to page-locked
 * host memory ({@link dev.lnrnn.PinnedArena}, {@link dev.lnrnn.Registration}) do not wait; ordinary host memory is any
 * {@link java.lang.foreign.MemorySegment}. The system property {@code lnrnn.maxBytes} limits how much device and pinned
 * memory a process may hold; an allocation beyond it fails with {@link dev.lnrnn.Status#OUT_OF_MEMORY}. Without it the
 * machine's memory is the limit.
 *
 * <p><b>Errors.</b> A bad argument throws {@link java.lang.IllegalArgumentException} (null throws
 * {@link java.lang.NullPointerException}) before any native call. An error of the native library throws
 * {@link dev.lnrnn.LnrnnException} with its message. No misuse can crash the JVM, with two exceptions: a segment whose
 * {@code reinterpret} gave it a wrong extent or lifetime, and a mapped file that is truncated while
 * {@link dev.lnrnn.DeviceBuffer#wrapMapped} borrows it.
 */
@NullMarked
package dev.lnrnn;

import org.jspecify.annotations.NullMarked;
