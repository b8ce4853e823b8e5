package dev.lnrnn;

import org.jspecify.annotations.Nullable;

/**
 * The result of a forward pass. The methods with "Doubles" are for layers in {@link DataType#F64}, the others for all
 * other layers; a method of the wrong kind throws {@link IllegalStateException}. Arrays are not copied.
 */
public final class LayerOutput {
    private final HostArray y;
    private final HostArray hn;
    private final @Nullable HostArray cn;

    LayerOutput(HostArray y, HostArray hn, @Nullable HostArray cn) {
        this.y = y.decoded();
        this.hn = hn;
        this.cn = cn;
    }

    /** {@return the output (T,N,D&middot;P)} */
    public float[] y() {
        return y.floats();
    }

    /** {@return h at each row's length (L&middot;D,N,P)} */
    public float[] hn() {
        return hn.floats();
    }

    /** {@return c at each row's length (L&middot;D,N,H); null for any cell but the LSTM} */
    public float @Nullable [] cn() {
        return cn == null ? null : cn.floats();
    }

    /** {@return the output (T,N,D&middot;P)} */
    public double[] yDoubles() {
        return y.doubles();
    }

    /** {@return h at each row's length (L&middot;D,N,P)} */
    public double[] hnDoubles() {
        return hn.doubles();
    }

    /** {@return c at each row's length (L&middot;D,N,H); null for any cell but the LSTM} */
    public double @Nullable [] cnDoubles() {
        return cn == null ? null : cn.doubles();
    }

    /** {@return hn and cn, from which another pass can continue} */
    public LayerState state() {
        return new LayerState(hn(), cn());
    }

    /** {@return hn and cn, from which another pass can continue} */
    public DoubleLayerState stateDoubles() {
        return new DoubleLayerState(hnDoubles(), cnDoubles());
    }
}
