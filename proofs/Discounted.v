(** * Discounted processes: no step hurts, and the suboptimality is summable

    A value function is given by its Bellman equation, so nothing is assumed of infinite sums. *)

From Proofs Require Export Gibbs.

Record discounted (State Action : Type) : Type := Discounted {
  d_states : list State;
  d_actions : list Action;
  transition : State -> Action -> State -> R;
  reward : State -> Action -> R;
  discount : R
}.
Arguments d_states {State Action} _.
Arguments d_actions {State Action} _.
Arguments transition {State Action} _ _ _ _.
Arguments reward {State Action} _ _ _.
Arguments discount {State Action} _.

Definition proper {State Action : Type} (M : discounted State Action) : Prop :=
  d_states M <> [] /\ d_actions M <> [] /\ 0 <= discount M < 1
  /\ forall s a, In s (d_states M) -> In a (d_actions M) ->
     distribution (d_states M) (transition M s a).

Definition stationary {State Action : Type} (M : discounted State Action)
  (π : State -> Action -> R) : Prop :=
  forall s, In s (d_states M) -> distribution (d_actions M) (π s).

(** Q(s, a) = r(s, a) + gamma (P V)(s, a) *)
Definition action_value {State Action : Type} (M : discounted State Action) (V : State -> R)
  (s : State) (a : Action) : R :=
  reward M s a + discount M * mean (d_states M) (transition M s a) V.

(** V is the value of pi: V(s) = E_pi Q(s) *)
Definition value_of {State Action : Type} (M : discounted State Action)
  (π : State -> Action -> R) (V : State -> R) : Prop :=
  forall s, In s (d_states M) -> V s = mean (d_actions M) (π s) (action_value M V s).

(** (P_pi W)(s) *)
Definition expected_next {State Action : Type} (M : discounted State Action)
  (π : State -> Action -> R) (W : State -> R) (s : State) : R :=
  mean (d_actions M) (π s) (fun a => mean (d_states M) (transition M s a) W).

(** ** The maximum principle *)

Lemma least_element : forall {T : Type} (X : list T) (f : T -> R),
  X <> [] -> exists x, In x X /\ forall y, In y X -> f x <= f y.
Proof.
  intros T X f filled. induction X as [|x X IH]; [contradiction filled; reflexivity|].
  destruct X as [|z X].
  - exists x. split; [left; reflexivity|]. intros y [same|none]; [subst; lra|contradiction none].
  - destruct IH as [m [inside least]]; [discriminate|].
    destruct (Rle_dec (f x) (f m)) as [le|gt].
    + exists x. split; [left; reflexivity|].
      intros y [same|inside']; [subst; lra|]. specialize (least y inside'). lra.
    + exists m. split; [right; exact inside|].
      intros y [same|inside']; [subst; lra|apply least, inside'].
Qed.

Lemma expected_next_ge : forall {State Action : Type} (M : discounted State Action)
  (π : State -> Action -> R) (W : State -> R) (c : R) (s : State),
  proper M -> stationary M π -> In s (d_states M) ->
  (forall y, In y (d_states M) -> c <= W y) -> c <= expected_next M π W s.
Proof.
  intros State Action M π W c s [_ [_ [_ moves]]] pol inside below. unfold expected_next.
  destruct (pol s inside) as [nonneg total].
  rewrite <- (mean_const (d_actions M) (π s) c total). apply sum_le. intros a inA.
  apply Rmult_le_compat_l; [apply nonneg, inA|].
  destruct (moves s a inside inA) as [nonneg' total'].
  rewrite <- (mean_const (d_states M) (transition M s a) c total'). apply sum_le. intros y inY.
  apply Rmult_le_compat_l; [apply nonneg', inY|apply below, inY].
Qed.

Lemma expected_next_opp : forall {State Action : Type} (M : discounted State Action)
  (π : State -> Action -> R) (W : State -> R) (s : State),
  expected_next M π (fun y => - W y) s = - expected_next M π W s.
Proof.
  intros State Action M π W s. unfold expected_next.
  rewrite (mean_ext (d_actions M) (π s)
    (fun a => mean (d_states M) (transition M s a) (fun y => - W y))
    (fun a => - mean (d_states M) (transition M s a) W)) by (intros; apply mean_opp).
  apply mean_opp.
Qed.

(** If W >= g + gamma P W with g >= c, then W >= c / (1 - gamma). *)
Lemma minimum_principle : forall {State Action : Type} (M : discounted State Action)
  (π : State -> Action -> R) (W g : State -> R) (c : R),
  proper M -> stationary M π ->
  (forall s, In s (d_states M) -> g s + discount M * expected_next M π W s <= W s) ->
  (forall s, In s (d_states M) -> c <= g s) ->
  forall s, In s (d_states M) -> c / (1 - discount M) <= W s.
Proof.
  intros State Action M π W g c good pol solves below s inside.
  destruct (least_element (d_states M) W (proj1 good)) as [m [inM least]].
  assert (next := expected_next_ge M π W (W m) m good pol inM least).
  assert (range := proj1 (proj2 (proj2 good))).
  specialize (solves m inM). specialize (below m inM).
  assert (bottom : c / (1 - discount M) <= W m).
  { apply Rmult_le_reg_r with (1 - discount M); [lra|].
    unfold Rdiv. rewrite Rmult_assoc, Rinv_l, Rmult_1_r by lra. nra. }
  specialize (least s inside). lra.
Qed.

(** ** Two policies *)

(** V' - V = E_pi'[Q - V] + gamma P'(V' - V) *)
Lemma value_difference : forall {State Action : Type} (M : discounted State Action)
  (π' : State -> Action -> R) (V V' : State -> R) (s : State),
  stationary M π' -> value_of M π' V' -> In s (d_states M) ->
  V' s - V s = (mean (d_actions M) (π' s) (action_value M V s) - V s)
    + discount M * expected_next M π' (fun y => V' y - V y) s.
Proof.
  intros State Action M π' V V' s pol value inside. rewrite (value s inside) at 1.
  unfold expected_next.
  rewrite (mean_ext (d_actions M) (π' s)
    (fun a => mean (d_states M) (transition M s a) (fun y => V' y - V y))
    (fun a => mean (d_states M) (transition M s a) V' - mean (d_states M) (transition M s a) V))
    by (intros; apply mean_minus).
  rewrite mean_minus. unfold action_value. rewrite !mean_plus, !mean_scal. ring.
Qed.

(** Improvement in one step bounds improvement of the value. *)
Lemma improvement : forall {State Action : Type} (M : discounted State Action)
  (π' : State -> Action -> R) (V V' : State -> R),
  proper M -> stationary M π' -> value_of M π' V' ->
  (forall s, In s (d_states M) -> 0 <= mean (d_actions M) (π' s) (action_value M V s) - V s) ->
  forall s, In s (d_states M) ->
  mean (d_actions M) (π' s) (action_value M V s) - V s <= V' s - V s.
Proof.
  intros State Action M π' V V' good pol value gains s inside.
  assert (nonneg : forall y, In y (d_states M) -> 0 <= V' y - V y).
  { intros y inY. assert (h := minimum_principle M π' (fun y => V' y - V y)
      (fun y => mean (d_actions M) (π' y) (action_value M V y) - V y) 0 good pol).
    unfold Rdiv in h. rewrite Rmult_0_l in h. apply h; [|exact gains|exact inY].
    intros x inX. rewrite (value_difference M π' V V' x pol value inX). lra. }
  assert (next := expected_next_ge M π' (fun y => V' y - V y) 0 s good pol inside nonneg).
  assert (range := proj1 (proj2 (proj2 good))).
  rewrite (value_difference M π' V V' s pol value inside). nra.
Qed.

(** One NPG step in every state: pi' = pi e^{eta Q} / Z *)
Definition npg {State Action : Type} (M : discounted State Action) (η : R) (V : State -> R)
  (π : State -> Action -> R) (s : State) : Action -> R :=
  step (d_actions M) (π s) (action_value M V s) η.

(** Label: prop-npg-monotone.
    Part: improvement.
    Covers: both lines.
    Words: for the NPG step pi' from a policy of full support and its value V, in every state
    E_pi' A = (KL(pi' || pi) + KL(pi || pi')) / eta >= 0 and V' - V >= E_pi' A, with A = Q - V.
    Narrower: nothing (a softmax policy has full support). *)
Theorem npg_monotone : forall {State Action : Type} (M : discounted State Action)
  (π : State -> Action -> R) (V V' : State -> R) (η : R),
  proper M -> stationary M π -> (forall s, In s (d_states M) -> positive (d_actions M) (π s)) ->
  value_of M π V -> value_of M (npg M η V π) V' -> 0 < η ->
  forall s, In s (d_states M) ->
  let A := fun a => action_value M V s a - V s in
  let π' := npg M η V π s in
  mean (d_actions M) π' A
  = (kl (d_actions M) π' (π s) + kl (d_actions M) (π s) π') / η
  /\ 0 <= mean (d_actions M) π' A
  /\ mean (d_actions M) π' A <= V' s - V s.
Proof.
  intros State Action M π V V' η good pol full value value' pos s inside A π'.
  assert (filled := proj1 (proj2 good)).
  assert (pol' : stationary M (npg M η V π)).
  { intros y inY. apply step_distribution; [exact filled|apply full, inY]. }
  assert (gain : forall y, In y (d_states M) ->
    mean (d_actions M) (npg M η V π y) (action_value M V y) - V y
    = (kl (d_actions M) (npg M η V π y) (π y) + kl (d_actions M) (π y) (npg M η V π y)) / η).
  { intros y inY. assert (h := three_points (d_actions M) (π y) (action_value M V y) (π y) η
      (full y inY) (proj2 (pol y inY))). cbv zeta in h. fold (npg M η V π y) in h.
    rewrite <- (value y inY) in h.
    assert (self : kl (d_actions M) (π y) (π y) = 0) by (apply sum_zero; intros; ring).
    rewrite self in h. apply Rmult_eq_reg_l with η; [|lra]. field_simplify; lra. }
  assert (gains : forall y, In y (d_states M) ->
    0 <= mean (d_actions M) (npg M η V π y) (action_value M V y) - V y).
  { intros y inY. rewrite gain by exact inY.
    apply Rmult_le_pos; [|apply Rlt_le, Rinv_0_lt_compat, pos].
    assert (full' := step_positive (d_actions M) (π y) (action_value M V y) η (full y inY)).
    assert (a := kl_nonneg _ _ _ (pol' y inY) (pol y inY)
      (positive_dominates _ _ _ (full y inY))).
    assert (b := kl_nonneg _ _ _ (pol y inY) (pol' y inY)
      (positive_dominates _ _ _ full')). lra. }
  assert (centred : mean (d_actions M) π' A
    = mean (d_actions M) π' (action_value M V s) - V s).
  { unfold A. rewrite mean_minus, mean_const by apply (pol' s inside). reflexivity. }
  rewrite centred. split; [apply gain, inside|]. split; [apply gains, inside|].
  apply improvement; assumption.
Qed.

(** ** The sum of all gaps *)

(** Label: thm-npg-summable.
    Part: sum.
    Covers: V^{k+1} >= V^k, and the bound of the sum.
    Words: along NPG with a constant step eta from a policy of full support, V^{k+1} >= V^k in every
    state, and for every comparator p with value V* and KL(p || pi_0) <= C in every state, for every
    K, the sum over k < K of V*(s) - V^k(s) is at most C / ((1 - gamma) eta)
    + (hi - lo) / (1 - gamma)^2, where lo <= r <= hi.
    Narrower: the sentence on o(1/k) is left out.
    Wider: any comparator; for a deterministic one KL(p || pi_0) = log 1/pi_0(p(s)|s). *)
Theorem npg_summable : forall {State Action : Type} (M : discounted State Action)
  (π : nat -> State -> Action -> R) (V : nat -> State -> R) (p : State -> Action -> R)
  (Vp : State -> R) (η C lo hi : R) (K : nat),
  proper M -> 0 < η ->
  stationary M (π 0%nat) ->
  (forall s, In s (d_states M) -> positive (d_actions M) (π 0%nat s)) ->
  (forall k, π (S k) = npg M η (V k) (π k)) -> (forall k, value_of M (π k) (V k)) ->
  stationary M p -> value_of M p Vp ->
  (forall s, In s (d_states M) -> kl (d_actions M) (p s) (π 0%nat s) <= C) ->
  (forall s a, In s (d_states M) -> In a (d_actions M) -> lo <= reward M s a <= hi) ->
  forall s, In s (d_states M) ->
  (forall k, V k s <= V (S k) s)
  /\ ∑ k ∈ seq 0 K, (Vp s - V k s)
     <= C / ((1 - discount M) * η) + (hi - lo) / (1 - discount M) ^ 2.
Proof.
  intros State Action M π V p Vp η C lo hi K good pos pol0 full0 steps values polp valuep
    close rewards.
  assert (filled := proj1 (proj2 good)). assert (range := proj1 (proj2 (proj2 good))).
  assert (each : forall k, stationary M (π k)
    /\ forall y, In y (d_states M) -> positive (d_actions M) (π k y)).
  { induction k as [|k [IH IH']]; [split; assumption|]. rewrite steps. split.
    - intros y inY. apply step_distribution; [exact filled|apply IH', inY].
    - intros y inY. apply step_positive, IH', inY. }
  assert (grows : forall k y, In y (d_states M) ->
    0 <= mean (d_actions M) (π (S k) y) (action_value M (V k) y) - V k y <= V (S k) y - V k y).
  { intros k y inY. destruct (each k) as [polk fullk].
    assert (value' := values (S k)). rewrite steps in value'.
    destruct (npg_monotone M (π k) (V k) (V (S k)) η good polk fullk (values k) value' pos y inY)
      as [_ [nonneg below]].
    rewrite mean_minus, mean_const in nonneg, below
      by (apply step_distribution; [exact filled|apply fullk, inY]).
    rewrite steps. split; assumption. }
  assert (low : forall y, In y (d_states M) -> lo / (1 - discount M) <= V 0%nat y).
  { apply (minimum_principle M (π 0%nat) (V 0%nat)
      (fun y => mean (d_actions M) (π 0%nat y) (reward M y)) lo good pol0).
    - intros y inY. rewrite (values 0%nat y inY). unfold action_value, expected_next.
      rewrite mean_plus, mean_scal. lra.
    - intros y inY. destruct (pol0 y inY) as [nonneg total].
      rewrite <- (mean_const (d_actions M) (π 0%nat y) lo total). apply sum_le. intros a inA.
      apply Rmult_le_compat_l; [apply nonneg, inA|apply rewards; assumption]. }
  assert (high : forall k y, In y (d_states M) -> V k y <= hi / (1 - discount M)).
  { intros k y inY. destruct (each k) as [polk _].
    assert (h := minimum_principle M (π k) (fun y => - V k y)
      (fun y => - mean (d_actions M) (π k y) (reward M y)) (- hi) good polk).
    assert (h' : - hi / (1 - discount M) <= - V k y); [apply h; [| |exact inY]|].
    - intros x inX. rewrite (values k x inX). unfold action_value, expected_next.
      rewrite mean_plus, mean_scal.
      assert (opposite := expected_next_opp M (π k) (V k) x). unfold expected_next in opposite.
      rewrite opposite. lra.
    - intros x inX. apply Ropp_le_contravar. destruct (polk x inX) as [nonneg total].
      rewrite <- (mean_const (d_actions M) (π k x) hi total). apply sum_le. intros a inA.
      apply Rmult_le_compat_l; [apply nonneg, inA|apply rewards; assumption].
    - unfold Rdiv in *. lra. }
  set (G := C / η + (hi - lo) / (1 - discount M)).
  set (gap := fun k y => mean (d_actions M) (p y) (action_value M (V k) y) - V k y).
  set (W := fun y => ∑ k ∈ seq 0 K, (Vp y - V k y)).
  assert (telescoped : forall n y, In y (d_states M) ->
    ∑ k ∈ seq 0 n, gap k y
    <= (kl (d_actions M) (p y) (π 0%nat y) - kl (d_actions M) (p y) (π n y)) / η
       + (V n y - V 0%nat y)).
  { intros n y inY. induction n as [|n IH]; [simpl; unfold Rdiv; lra|].
    rewrite seq_S, sum_app. simpl sum at 2. rewrite Rplus_0_r.
    destruct (each n) as [poln fulln].
    assert (h := three_points (d_actions M) (π n y) (action_value M (V n) y) (p y) η
      (fulln y inY) (proj2 (polp y inY))). cbv zeta in h.
    change (step (d_actions M) (π n y) (action_value M (V n) y) η)
      with (npg M η (V n) (π n) y) in h. rewrite <- steps in h.
    assert (grow := grows n y inY).
    assert (away : 0 <= kl (d_actions M) (π (S n) y) (π n y)).
    { apply kl_nonneg; [apply each, inY|apply poln, inY|].
      apply positive_dominates, fulln, inY. }
    assert (e : gap n y <= (kl (d_actions M) (p y) (π n y)
      - kl (d_actions M) (p y) (π (S n) y)) / η + (V (S n) y - V n y)).
    { unfold gap. apply Rmult_le_reg_l with η; [exact pos|].
      replace (η * ((kl (d_actions M) (p y) (π n y) - kl (d_actions M) (p y) (π (S n) y)) / η
        + (V (S n) y - V n y))) with (kl (d_actions M) (p y) (π n y)
        - kl (d_actions M) (p y) (π (S n) y) + η * (V (S n) y - V n y)) by (field; lra).
      nra. }
    unfold Rdiv in *. lra. }
  assert (sums : forall y, In y (d_states M) -> ∑ k ∈ seq 0 K, gap k y <= G).
  { intros y inY. assert (h := telescoped K y inY).
    destruct (each K) as [polK fullK].
    assert (left : 0 <= kl (d_actions M) (p y) (π K y)).
    { apply kl_nonneg; [apply polp, inY|apply polK, inY|apply positive_dominates, fullK, inY]. }
    assert (first := close y inY). assert (l := low y inY). assert (u := high K y inY).
    assert (inv := Rinv_0_lt_compat η pos). unfold G, Rdiv in *. nra. }
  assert (solved : forall y, In y (d_states M) ->
    W y = ∑ k ∈ seq 0 K, gap k y + discount M * expected_next M p W y).
  { intros y inY. unfold W at 1.
    rewrite (sum_ext (seq 0 K) (fun k => Vp y - V k y)
      (fun k => gap k y + discount M * expected_next M p (fun z => Vp z - V k z) y))
      by (intros; apply value_difference; assumption).
    rewrite sum_plus, sum_scal. f_equal. f_equal. unfold expected_next, mean, W.
    rewrite sum_swap. apply sum_ext. intros a _.
    rewrite sum_scal. f_equal. rewrite sum_swap. apply sum_ext. intros z _.
    rewrite sum_scal. reflexivity. }
  intros s inside. split.
  { intro k. assert (h := grows k s inside). lra. }
  assert (top : - G / (1 - discount M) <= - W s).
  { apply (minimum_principle M p (fun y => - W y) (fun y => - (∑ k ∈ seq 0 K, gap k y)) (- G)
      good polp); [| |exact inside].
    - intros y inY. rewrite (solved y inY).
      assert (opposite := expected_next_opp M p W y).
      rewrite opposite. lra.
    - intros y inY. apply Ropp_le_contravar, sums, inY. }
  change (∑ k ∈ seq 0 K, (Vp s - V k s)) with (W s).
  replace (C / ((1 - discount M) * η) + (hi - lo) / (1 - discount M) ^ 2)
    with (G / (1 - discount M)) by (unfold G; field; lra).
  unfold Rdiv in *. lra.
Qed.
