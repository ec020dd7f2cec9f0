(** * Mirror ascent on the visitation entropy: a linear rate for every kernel

    F(pi) = sum over stages of H(d_h); D(rho, pi) = sum over stages of w_h E_{d^rho_h}
    KL(rho_h || pi_h), where w_h = H - h counts the stages that are left (the book's H - h + 1).
    One iteration is one backward and one forward sweep. *)

From Proofs Require Export Episodes.

(** ** The two divergences of policies *)

(** E_{d_h} KL(rho_h || pi_h), the states drawn by rho *)
Definition stage_kl {State Action : Type} (M : process State Action)
  (ρ π : nat -> State -> Action -> R) (h : nat) : R :=
  mean (states M) (state_law M ρ h) (fun s => kl (actions M) (ρ h s) (π h s)).

(** w_h, the number of stages that are left *)
Definition weight (H h : nat) : R := INR (H - h).

(** D(rho, pi) = sum_h w_h E_{d_h} KL(rho_h || pi_h) *)
Definition policy_divergence {State Action : Type} (M : process State Action) (H : nat)
  (ρ π : nat -> State -> Action -> R) : R :=
  ∑ h ∈ seq 0 H, weight H h * stage_kl M ρ π h.

(** The divergence of the visitations, which is the Bregman divergence of -F *)
Definition visit_divergence {State Action : Type} (M : process State Action) (H : nat)
  (ρ π : nat -> State -> Action -> R) : R :=
  ∑ h ∈ seq 0 H, kl (pairs M) (visits M ρ h) (visits M π h).

Definition objective {State Action : Type} (M : process State Action) (H : nat)
  (π : nat -> State -> Action -> R) : R := visit_entropy M H (visits M π).

Lemma state_law_dominated : forall {State Action : Type} (M : process State Action)
  (ρ π : nat -> State -> Action -> R) (h : nat),
  well_formed M -> policy M ρ -> policy M π -> positive_policy M π ->
  dominated (states M) (state_law M ρ h) (state_law M π h).
Proof.
  intros State Action M ρ π h well polρ polπ full. induction h as [|h IH]; simpl.
  - intros s _ zero. exact zero.
  - intros s inside zero. unfold push in *.
    assert (dist := visits_distribution M π h well polπ).
    assert (terms : forall sa, In sa (pairs M) -> visits M π h sa * next M h sa s = 0).
    { apply (sum_nonneg_zero (pairs M) (fun sa => visits M π h sa * next M h sa s));
        [|exact zero].
      intros sa inP. apply Rmult_le_pos; [apply dist, inP|].
      apply (proj2 (proj2 well) h sa inP), inside. }
    apply sum_zero. intros [s' a'] inP. specialize (terms (s', a') inP).
    apply Rmult_integral in terms. destruct terms as [none|none]; [|rewrite none; ring].
    apply in_prod_iff in inP. destruct inP as [inS inA].
    unfold visits, joint in *. simpl in *.
    apply Rmult_integral in none. destruct none as [none|none].
    + rewrite (IH s' inS none). ring.
    + assert (pos := full h s' inS a' inA). lra.
Qed.

(** KL of the pairs = KL of the states + E KL of the actions *)
Lemma visit_kl_split : forall {State Action : Type} (M : process State Action)
  (ρ π : nat -> State -> Action -> R) (h : nat),
  well_formed M -> policy M ρ -> policy M π -> positive_policy M π ->
  kl (pairs M) (visits M ρ h) (visits M π h)
  = kl (states M) (state_law M ρ h) (state_law M π h) + stage_kl M ρ π h.
Proof.
  intros State Action M ρ π h well polρ polπ full. apply kl_chain_rule.
  - apply (state_law_distribution M ρ h well polρ).
  - apply (state_law_distribution M π h well polπ).
  - apply state_law_dominated; assumption.
  - apply polρ.
  - apply polπ.
  - intros s inside _. apply positive_dominates. apply full. exact inside.
Qed.

Lemma state_kl_nonneg : forall {State Action : Type} (M : process State Action)
  (ρ π : nat -> State -> Action -> R) (h : nat),
  well_formed M -> policy M ρ -> policy M π -> positive_policy M π ->
  0 <= kl (states M) (state_law M ρ h) (state_law M π h).
Proof.
  intros State Action M ρ π h well polρ polπ full.
  apply kl_nonneg; try (apply state_law_distribution; assumption).
  apply state_law_dominated; assumption.
Qed.

Lemma stage_kl_nonneg : forall {State Action : Type} (M : process State Action)
  (ρ π : nat -> State -> Action -> R) (h : nat),
  well_formed M -> policy M ρ -> policy M π -> positive_policy M π -> 0 <= stage_kl M ρ π h.
Proof.
  intros State Action M ρ π h well polρ polπ full. apply sum_nonneg. intros s inside.
  apply Rmult_le_pos; [apply (state_law_distribution M ρ h well polρ), inside|].
  apply kl_nonneg; [apply polρ, inside|apply polπ, inside|].
  apply positive_dominates, full, inside.
Qed.

(** Data processing along the chain: a stage's divergence is at most all that came before it. *)
Lemma visit_kl_chain : forall {State Action : Type} (M : process State Action)
  (ρ π : nat -> State -> Action -> R) (h : nat),
  well_formed M -> policy M ρ -> policy M π -> positive_policy M π ->
  kl (pairs M) (visits M ρ h) (visits M π h) <= ∑ k ∈ seq 0 (S h), stage_kl M ρ π k.
Proof.
  intros State Action M ρ π h well polρ polπ full. induction h as [|h IH].
  - rewrite visit_kl_split by assumption. simpl.
    assert (same : kl (states M) (start M) (start M) = 0).
    { apply sum_zero. intros. ring. }
    lra.
  - rewrite visit_kl_split by assumption. rewrite sum_stages.
    assert (processed : kl (states M) (state_law M ρ (S h)) (state_law M π (S h))
      <= kl (pairs M) (visits M ρ h) (visits M π h)).
    { apply data_processing.
      - apply (proj2 (proj2 well)).
      - apply (visits_distribution M ρ h well polρ).
      - apply (visits_distribution M π h well polπ).
      - intros [s a] inP zero. apply in_prod_iff in inP. destruct inP as [inS inA].
        unfold visits, joint in *. simpl in *. apply Rmult_integral in zero.
        destruct zero as [zero|zero].
        + rewrite (state_law_dominated M ρ π h well polρ polπ full s inS zero). ring.
        + assert (pos := full h s inS a inA). lra. }
    lra.
Qed.

(** A double sum over k <= h < H counts stage k once for each stage that is left. *)
Lemma triangle : forall (f : nat -> R) (H : nat),
  ∑ h ∈ seq 0 H, ∑ k ∈ seq 0 (S h), f k = ∑ k ∈ seq 0 H, weight H k * f k.
Proof.
  intros f H. induction H as [|H IH]; [reflexivity|].
  rewrite sum_stages, IH.
  rewrite (sum_ext (seq 0 (S H)) (fun k => weight (S H) k * f k)
    (fun k => weight H k * f k + f k)).
  - rewrite sum_plus, (sum_stages (fun k => weight H k * f k)).
    assert (none : weight H H = 0) by (unfold weight; rewrite Nat.sub_diag; reflexivity).
    rewrite none, Rmult_0_l, Rplus_0_r. reflexivity.
  - intros k inside. apply in_seq in inside. unfold weight.
    replace (S H - k)%nat with (S (H - k)) by lia. rewrite S_INR. ring.
Qed.

(** Label: lem-path-divergence.
    Part: smooth.
    Covers: relative smoothness with constant 1.
    Words: the divergence of the visitations, which is the Bregman divergence of -F, is at most
    D(rho, pi), for every kernel, every policy rho and every pi of full support.
    Narrower: nothing. *)
Theorem relative_smoothness : forall {State Action : Type} (M : process State Action) (H : nat)
  (ρ π : nat -> State -> Action -> R),
  well_formed M -> policy M ρ -> policy M π -> positive_policy M π ->
  visit_divergence M H ρ π <= policy_divergence M H ρ π.
Proof.
  intros State Action M H ρ π well polρ polπ full. unfold policy_divergence.
  rewrite <- triangle. apply sum_le. intros h _. apply visit_kl_chain; assumption.
Qed.

(** Label: lem-path-divergence.
    Part: strong.
    Covers: relative strong convexity with constant 1/H.
    Words: D(rho, pi) is at most H times the divergence of the visitations.
    Narrower: nothing. *)
Theorem relative_strong_convexity : forall {State Action : Type} (M : process State Action)
  (H : nat) (ρ π : nat -> State -> Action -> R),
  well_formed M -> policy M ρ -> policy M π -> positive_policy M π ->
  policy_divergence M H ρ π <= INR H * visit_divergence M H ρ π.
Proof.
  intros State Action M H ρ π well polρ polπ full.
  unfold policy_divergence, visit_divergence. rewrite <- sum_scal. apply sum_le. intros h _.
  rewrite visit_kl_split by assumption.
  assert (pos := stage_kl_nonneg M ρ π h well polρ polπ full).
  assert (pos' := state_kl_nonneg M ρ π h well polρ polπ full).
  assert (few : 0 <= weight H h <= INR H).
  { split; [apply pos_INR|apply le_INR; lia]. }
  apply Rle_trans with (INR H * stage_kl M ρ π h).
  - apply Rmult_le_compat_r; lra.
  - apply Rmult_le_compat_l; lra.
Qed.

(** Label: lem-path-divergence.
    Part: bregman.
    Covers: the divergence of the visitations is the Bregman divergence of -F.
    Words: F(rho) = <d^rho, -log d^pi> - sum over stages of KL(d^rho_h || d^pi_h), and
    F(pi) = <d^pi, -log d^pi>.
    Narrower: nothing. *)
Theorem bregman : forall {State Action : Type} (M : process State Action) (H : nat)
  (ρ π : nat -> State -> Action -> R),
  objective M H ρ
  = ∑ h ∈ seq 0 H, mean (pairs M) (visits M ρ h) (fun sa => - ln (visits M π h sa))
    - visit_divergence M H ρ π.
Proof.
  intros State Action M H ρ π. rewrite cross_entropy_stages.
  unfold objective, visit_divergence. ring.
Qed.

(** ** The iteration *)

(** V with [togo] stages left, for the reward [g] and the policy [pi]:
    V_h(s) = w_h log E_{pi_h} e^{Q_h(s,.)/w_h}, Q_h(s,a) = g_h(s,a) + (p_h V_{h+1})(s,a) *)
Fixpoint sweep_value {State Action : Type} (M : process State Action) (H : nat)
  (π : nat -> State -> Action -> R) (g : nat -> State * Action -> R) (togo : nat) (s : State) : R :=
  match togo with
  | O => 0
  | S k =>
      let h := (H - S k)%nat in
      INR (S k) * log_partition (actions M) (π h s)
        (fun a => g h (s, a) + mean (states M) (next M h (s, a)) (sweep_value M H π g k))
        (/ INR (S k))
  end.

Definition sweep_V {State Action : Type} (M : process State Action) (H : nat)
  (π : nat -> State -> Action -> R) (g : nat -> State * Action -> R) (h : nat) : State -> R :=
  sweep_value M H π g (H - h).

Definition sweep_Q {State Action : Type} (M : process State Action) (H : nat)
  (π : nat -> State -> Action -> R) (g : nat -> State * Action -> R) (h : nat) (s : State)
  (a : Action) : R :=
  g h (s, a) + mean (states M) (next M h (s, a)) (sweep_V M H π g (S h)).

(** The new policy: pi_h(a|s) e^{Q_h(s,a)/w_h}, normalised, for the reward -log d^pi *)
Definition mirror_step {State Action : Type} (M : process State Action) (H : nat)
  (π : nat -> State -> Action -> R) (h : nat) (s : State) : Action -> R :=
  let g := fun k sa => - ln (visits M π k sa) in
  step (actions M) (π h s) (sweep_Q M H π g h s) (/ weight H h).

(** The iterates, from any policy. *)
Fixpoint mirror_ascent {State Action : Type} (M : process State Action) (H : nat)
  (π0 : nat -> State -> Action -> R) (t : nat) : nat -> State -> Action -> R :=
  match t with
  | O => π0
  | S k => mirror_step M H (mirror_ascent M H π0 k)
  end.

(** The uniform policy. *)
Definition uniform_policy {State Action : Type} (M : process State Action) :
  nat -> State -> Action -> R := fun _ _ => uniform (actions M).

(** The recursion of the sweep, as it is written in books. *)
Lemma sweep_recursion : forall {State Action : Type} (M : process State Action) (H : nat)
  (π : nat -> State -> Action -> R) (g : nat -> State * Action -> R) (h : nat) (s : State),
  (h < H)%nat ->
  sweep_V M H π g h s
  = weight H h * log_partition (actions M) (π h s) (sweep_Q M H π g h s) (/ weight H h).
Proof.
  intros State Action M H π g h s stage. unfold sweep_V, sweep_Q, weight.
  destruct (H - h)%nat as [|k] eqn:togo; [lia|]. cbn [sweep_value].
  replace (H - S k)%nat with h by lia. unfold sweep_V.
  replace (H - S h)%nat with k by lia. reflexivity.
Qed.

Lemma weight_pos : forall H h : nat, (h < H)%nat -> 0 < weight H h.
Proof. intros H h stage. apply lt_0_INR. lia. Qed.

(** Label: thm-mirror-ascent.
    Part: step.
    Covers: the three-point equality of the iteration.
    Words: for every policy rho, <d^rho, g> - D(rho, pi) = V_1(s_1) - D(rho, pi'), where pi' is the
    policy of the sweep: so pi' maximises the left side, and the gap of rho is D(rho, pi').
    Narrower: nothing. *)
Theorem sweep_three_points : forall {State Action : Type} (M : process State Action) (H : nat)
  (ρ π : nat -> State -> Action -> R) (g : nat -> State * Action -> R),
  well_formed M -> policy M ρ -> positive_policy M π ->
  ∑ h ∈ seq 0 H, mean (pairs M) (visits M ρ h) (g h) - policy_divergence M H ρ π
  = mean (states M) (start M) (sweep_V M H π g 0%nat)
    - policy_divergence M H ρ
        (fun h s => step (actions M) (π h s) (sweep_Q M H π g h s) (/ weight H h)).
Proof.
  intros State Action M H ρ π g well pol full.
  set (π' := fun h s => step (actions M) (π h s) (sweep_Q M H π g h s) (/ weight H h)).
  assert (ends : forall s, In s (states M) -> sweep_V M H π g H s = 0).
  { intros s _. unfold sweep_V. rewrite Nat.sub_diag. reflexivity. }
  rewrite <- (flow_telescope M H (visits M ρ) (sweep_V M H π g)
    (visits_flow M ρ H well pol) ends).
  unfold policy_divergence. rewrite <- !sum_minus. apply sum_ext. intros h stage.
  apply in_seq_0 in stage. assert (pos := weight_pos H h stage).
  unfold visits, pairs. rewrite !joint_mean. unfold stage_kl.
  rewrite <- !mean_scal, <- !mean_minus. apply mean_ext. intros s inside.
  assert (total := proj2 (pol h s inside)).
  rewrite mean_minus. cbn [fst]. rewrite mean_const by exact total.
  assert (difference := kl_difference (actions M) (π h s) (sweep_Q M H π g h s) (ρ h s)
    (/ weight H h) (full h s inside) total).
  fold (π' h s) in difference.
  assert (scaled : weight H h * (kl (actions M) (ρ h s) (π h s) - kl (actions M) (ρ h s) (π' h s))
    = mean (actions M) (ρ h s) (sweep_Q M H π g h s) - sweep_V M H π g h s).
  { rewrite difference, sweep_recursion by exact stage. field. lra. }
  unfold sweep_Q in scaled at 1. rewrite mean_plus in scaled. lra.
Qed.

Lemma uniform_policy_positive : forall {State Action : Type} (M : process State Action),
  well_formed M -> policy M (uniform_policy M) /\ positive_policy M (uniform_policy M).
Proof.
  intros State Action M [filled _].
  split; intros h s _; apply uniform_distribution, filled.
Qed.

Lemma iterate_policy : forall {State Action : Type} (M : process State Action) (H : nat)
  (π0 : nat -> State -> Action -> R) (t : nat),
  well_formed M -> policy M π0 -> positive_policy M π0 ->
  policy M (mirror_ascent M H π0 t) /\ positive_policy M (mirror_ascent M H π0 t).
Proof.
  intros State Action M H π0 t [filled _] pol0 full0. induction t as [|t [pol full]]; simpl.
  - split; assumption.
  - split; intros h s inside.
    + apply step_distribution; [exact filled|apply full, inside].
    + apply step_positive, full, inside.
Qed.

(** Label: thm-mirror-ascent.
    Part: monotone.
    Covers: what one iteration gains; with rho = pi the whole part, F(pi') - F(pi) >= D(pi, pi').
    Words: F(rho) - F(pi') <= (1 - 1/H) D(rho, pi) - D(rho, pi') for every policy rho.
    Narrower: nothing. *)
Theorem mirror_descent_inequality : forall {State Action : Type} (M : process State Action)
  (H : nat) (ρ π : nat -> State -> Action -> R),
  (0 < H)%nat -> well_formed M -> policy M ρ -> policy M π -> positive_policy M π ->
  objective M H ρ - objective M H (mirror_step M H π)
  <= (1 - / INR H) * policy_divergence M H ρ π
     - policy_divergence M H ρ (mirror_step M H π).
Proof.
  intros State Action M H ρ π stages well polρ polπ full.
  set (g := fun k sa => - ln (visits M π k sa)). set (π' := mirror_step M H π).
  assert (filled := proj1 well).
  assert (polπ' : policy M π').
  { intros h s inside. apply step_distribution; [exact filled|apply full, inside]. }
  assert (fullπ' : positive_policy M π').
  { intros h s inside. apply step_positive, full, inside. }
  assert (at_ρ := sweep_three_points M H ρ π g well polρ full).
  assert (at_π' := sweep_three_points M H π' π g well polπ' full).
  change (fun h s => step (actions M) (π h s) (sweep_Q M H π g h s) (/ weight H h))
    with π' in at_ρ, at_π'.
  assert (self : policy_divergence M H π' π' = 0).
  { apply sum_zero. intros h _. unfold stage_kl, mean.
    rewrite (sum_zero (states M)); [ring|]. intros s inside.
    assert (same : kl (actions M) (π' h s) (π' h s) = 0).
    { apply sum_zero. intros. ring. }
    rewrite same. ring. }
  assert (value_ρ := bregman M H ρ π). assert (value_π' := bregman M H π' π).
  assert (smooth := relative_smoothness M H π' π well polπ' polπ full).
  assert (convex := relative_strong_convexity M H ρ π well polρ polπ full).
  assert (posH : 0 < INR H) by (apply lt_0_INR; exact stages).
  assert (convex' : / INR H * policy_divergence M H ρ π <= visit_divergence M H ρ π).
  { apply Rmult_le_reg_l with (INR H); [exact posH|].
    rewrite <- Rmult_assoc, Rinv_r, Rmult_1_l by lra. exact convex. }
  unfold g in at_ρ, at_π'. lra.
Qed.

Lemma policy_divergence_nonneg : forall {State Action : Type} (M : process State Action) (H : nat)
  (ρ π : nat -> State -> Action -> R),
  well_formed M -> policy M ρ -> policy M π -> positive_policy M π ->
  0 <= policy_divergence M H ρ π.
Proof.
  intros State Action M H ρ π well polρ polπ full. apply sum_nonneg. intros h _.
  apply Rmult_le_pos; [apply pos_INR|apply stage_kl_nonneg; assumption].
Qed.

(** Label: thm-mirror-ascent.
    Part: monotone.
    Covers: F never falls.
    Words: F(pi_{t+1}) >= F(pi_t).
    Narrower: nothing. *)
Theorem mirror_ascent_monotone : forall {State Action : Type} (M : process State Action)
  (H t : nat) (π0 : nat -> State -> Action -> R),
  (0 < H)%nat -> well_formed M -> policy M π0 -> positive_policy M π0 ->
  objective M H (mirror_ascent M H π0 t) <= objective M H (mirror_ascent M H π0 (S t)).
Proof.
  intros State Action M H t π0 stages well pol0 full0.
  destruct (iterate_policy M H π0 t well pol0 full0) as [pol full].
  destruct (iterate_policy M H π0 (S t) well pol0 full0) as [pol' full']. simpl in pol', full'.
  assert (gain := mirror_descent_inequality M H _ _ stages well pol pol full).
  assert (self : policy_divergence M H (mirror_ascent M H π0 t) (mirror_ascent M H π0 t) = 0).
  { apply sum_zero. intros h _. unfold stage_kl, mean.
    rewrite (sum_zero (states M)); [ring|]. intros s inside.
    assert (same : kl (actions M) (mirror_ascent M H π0 t h s) (mirror_ascent M H π0 t h s) = 0).
    { apply sum_zero. intros. ring. }
    rewrite same. ring. }
  assert (pos := policy_divergence_nonneg M H _ _ well pol pol' full').
  simpl. rewrite self in gain. lra.
Qed.

Lemma contraction_range : forall H : nat, (0 < H)%nat -> 0 <= 1 - / INR H < 1.
Proof.
  intros H stages. assert (least : 1 <= INR H) by (apply (le_INR 1); lia).
  assert (0 < / INR H) by (apply Rinv_0_lt_compat; lra).
  assert (/ INR H <= 1).
  { rewrite <- Rinv_1. apply Rinv_le_contravar; lra. }
  lra.
Qed.

(** The rate, sharper than the geometric one: with c = 1 - 1/H,
    H (1 - c^t) (F(rho) - F(pi_t)) <= c^t D(rho, pi_0) - D(rho, pi_t). *)
Lemma mirror_ascent_sum : forall {State Action : Type} (M : process State Action) (H t : nat)
  (ρ π0 : nat -> State -> Action -> R),
  (0 < H)%nat -> well_formed M -> policy M ρ -> policy M π0 -> positive_policy M π0 ->
  let c := 1 - / INR H in
  INR H * (1 - c ^ t) * (objective M H ρ - objective M H (mirror_ascent M H π0 t))
  <= c ^ t * policy_divergence M H ρ π0
     - policy_divergence M H ρ (mirror_ascent M H π0 t).
Proof.
  intros State Action M H t ρ π0 stages well pol pol0 full0 c.
  assert (range := contraction_range H stages). fold c in range.
  assert (posH : 0 < INR H) by (apply lt_0_INR; exact stages).
  assert (factor : INR H * c = INR H - 1) by (unfold c; field; lra).
  induction t as [|t IH]; [simpl; lra|].
  destruct (iterate_policy M H π0 t well pol0 full0) as [polt full].
  assert (gain := mirror_descent_inequality M H ρ (mirror_ascent M H π0 t)
    stages well pol polt full).
  assert (grows := mirror_ascent_monotone M H t π0 stages well pol0 full0).
  change (mirror_step M H (mirror_ascent M H π0 t)) with (mirror_ascent M H π0 (S t)) in gain.
  set (F := objective M H ρ) in *.
  set (F0 := objective M H (mirror_ascent M H π0 t)) in *.
  set (F1 := objective M H (mirror_ascent M H π0 (S t))) in *.
  set (D0 := policy_divergence M H ρ π0) in *.
  set (Dt := policy_divergence M H ρ (mirror_ascent M H π0 t)) in *.
  set (D1 := policy_divergence M H ρ (mirror_ascent M H π0 (S t))) in *.
  fold c in gain. apply Rmult_le_compat_l with (r := c) in IH; [|lra].
  assert (small : 0 <= 1 - c ^ t).
  { assert (h := pow_incr c 1 t ltac:(lra)). rewrite pow1 in h. lra. }
  assert (less : c * (INR H * (1 - c ^ t)) * (F - F1) <= c * (INR H * (1 - c ^ t)) * (F - F0)).
  { apply Rmult_le_compat_l; [|lra].
    apply Rmult_le_pos; [lra|]. apply Rmult_le_pos; lra. }
  replace (INR H * (1 - c ^ S t) * (F - F1))
    with (c * (INR H * (1 - c ^ t)) * (F - F1) + (F - F1)).
  - simpl pow. lra.
  - simpl pow. replace (c * (INR H * (1 - c ^ t))) with (INR H * c * (1 - c ^ t)) by ring.
    replace (INR H * (1 - c * c ^ t)) with (INR H - INR H * c * c ^ t) by ring.
    rewrite factor. ring.
Qed.

(** Label: thm-mirror-ascent.
    Part: rate.
    Covers: the weighted sum of the gaps, the first line of the rate.
    Words: the sum over k = 1, ..., t of c^(t-k) (F(rho) - F(pi_k)) is at most
    c^t D(rho, pi_0) - D(rho, pi_t), c = 1 - 1/H, for every t and every policy rho.
    Narrower: nothing. *)
Theorem mirror_ascent_weighted_sum : forall {State Action : Type} (M : process State Action)
  (H t : nat) (ρ π0 : nat -> State -> Action -> R),
  (0 < H)%nat -> well_formed M -> policy M ρ -> policy M π0 -> positive_policy M π0 ->
  ∑ k ∈ seq 0 t, (1 - / INR H) ^ (t - S k)
    * (objective M H ρ - objective M H (mirror_ascent M H π0 (S k)))
  <= (1 - / INR H) ^ t * policy_divergence M H ρ π0
     - policy_divergence M H ρ (mirror_ascent M H π0 t).
Proof.
  intros State Action M H t ρ π0 stages well pol pol0 full0.
  assert (range := contraction_range H stages). set (c := 1 - / INR H) in *.
  induction t as [|t IH]; [simpl; lra|].
  destruct (iterate_policy M H π0 t well pol0 full0) as [polt full].
  assert (gain := mirror_descent_inequality M H ρ (mirror_ascent M H π0 t)
    stages well pol polt full).
  change (mirror_step M H (mirror_ascent M H π0 t)) with (mirror_ascent M H π0 (S t)) in gain.
  fold c in gain. rewrite sum_stages, Nat.sub_diag, pow_O, Rmult_1_l.
  assert (scaled : ∑ k ∈ seq 0 t, c ^ (S t - S k)
      * (objective M H ρ - objective M H (mirror_ascent M H π0 (S k)))
    = c * (∑ k ∈ seq 0 t, c ^ (t - S k)
      * (objective M H ρ - objective M H (mirror_ascent M H π0 (S k))))).
  { rewrite <- sum_scal. apply sum_ext. intros k inside. apply in_seq in inside.
    replace (S t - S k)%nat with (S (t - S k)) by lia. rewrite <- tech_pow_Rmult. ring. }
  rewrite scaled. apply Rmult_le_compat_l with (r := c) in IH; [|lra].
  rewrite <- tech_pow_Rmult. lra.
Qed.

(** Label: thm-mirror-ascent.
    Part: rate.
    Covers: the sharper rate.
    Words: H (1 - (1 - 1/H)^t) (F(rho) - F(pi_t)) <= (1 - 1/H)^t D(rho, pi_0) for every t and every
    policy rho, so also for the optimum: F* - F(pi_t) <= (1/H) D / ((1 - 1/H)^{-t} - 1), if H > 1.
    Narrower: nothing. *)
Theorem mirror_ascent_sharp_rate : forall {State Action : Type} (M : process State Action)
  (H t : nat) (ρ π0 : nat -> State -> Action -> R),
  (0 < H)%nat -> well_formed M -> policy M ρ -> policy M π0 -> positive_policy M π0 ->
  INR H * (1 - (1 - / INR H) ^ t) * (objective M H ρ - objective M H (mirror_ascent M H π0 t))
  <= (1 - / INR H) ^ t * policy_divergence M H ρ π0.
Proof.
  intros State Action M H t ρ π0 stages well pol pol0 full0.
  assert (h := mirror_ascent_sum M H t ρ π0 stages well pol pol0 full0). cbv zeta in h.
  destruct (iterate_policy M H π0 t well pol0 full0) as [polt full].
  assert (pos := policy_divergence_nonneg M H ρ _ well pol polt full). lra.
Qed.

(** Label: thm-mirror-ascent.
    Part: rate.
    Covers: the linear rate.
    Words: F(rho) - F(pi_t) <= (1 - 1/H)^t D(rho, pi_0) for every t >= 1 and every policy rho.
    Narrower: nothing. At t = 0 it is false for a kernel that spreads over many states. *)
Theorem mirror_ascent_rate : forall {State Action : Type} (M : process State Action) (H t : nat)
  (ρ π0 : nat -> State -> Action -> R),
  (0 < H)%nat -> (0 < t)%nat -> well_formed M -> policy M ρ -> policy M π0 ->
  positive_policy M π0 ->
  objective M H ρ - objective M H (mirror_ascent M H π0 t)
  <= (1 - / INR H) ^ t * policy_divergence M H ρ π0.
Proof.
  intros State Action M H t ρ π0 stages later well pol pol0 full0.
  assert (sharp := mirror_ascent_sharp_rate M H t ρ π0 stages well pol pol0 full0).
  assert (range := contraction_range H stages).
  assert (posH : 0 < INR H) by (apply lt_0_INR; exact stages).
  set (c := 1 - / INR H) in *. set (G := objective M H ρ - _) in *.
  assert (pos := policy_divergence_nonneg M H ρ _ well pol pol0 full0).
  set (D0 := policy_divergence M H ρ _) in *.
  assert (right : 0 <= c ^ t * D0) by (apply Rmult_le_pos; [apply pow_le; lra|exact pos]).
  destruct (Rle_dec G 0) as [done|open]; [lra|].
  assert (power : c ^ t <= c).
  { destruct t as [|t]; [lia|]. simpl.
    assert (below : c ^ t <= 1) by (rewrite <- (pow1 t); apply pow_incr; lra).
    apply Rmult_le_compat_l with (r := c) in below; lra. }
  assert (factor : INR H * c = INR H - 1) by (unfold c; field; lra).
  assert (big : 1 <= INR H * (1 - c ^ t)).
  { apply Rmult_le_compat_l with (r := INR H) in power; lra. }
  apply Rle_trans with (2 := sharp). rewrite <- (Rmult_1_l G) at 1.
  apply Rmult_le_compat_r; lra.
Qed.

(** Label: thm-mirror-ascent.
    Part: start.
    Covers: the distance at the start.
    Words: D(rho, uniform) <= H (H + 1) / 2 log A.
    Narrower: nothing. *)
Theorem start_divergence : forall {State Action : Type} (M : process State Action) (H : nat)
  (ρ : nat -> State -> Action -> R),
  well_formed M -> policy M ρ ->
  policy_divergence M H ρ (uniform_policy M)
  <= INR H * (INR H + 1) / 2 * ln (INR (length (actions M))).
Proof.
  intros State Action M H ρ well pol.
  assert (count : ∑ h ∈ seq 0 H, weight H h = INR H * (INR H + 1) / 2).
  { assert (triangle1 := triangle (fun _ => 1) H). cbv beta in triangle1.
    rewrite (sum_ext (seq 0 H) (fun k => weight H k * 1) (weight H)) in triangle1
      by (intros; ring).
    change (sum (seq 0 H) (weight H) = INR H * (INR H + 1) / 2).
    rewrite <- triangle1. clear. induction H as [|H IH]; [simpl; lra|].
    rewrite sum_stages, IH, sum_const, seq_length, S_INR. lra. }
  rewrite <- count, <- sum_scal_r. apply sum_le. intros h _.
  apply Rmult_le_compat_l; [apply pos_INR|].
  assert (dist := state_law_distribution M ρ h well pol).
  rewrite <- (mean_const (states M) (state_law M ρ h)) by apply dist.
  apply sum_le. intros s inside. apply Rmult_le_compat_l; [apply dist, inside|].
  unfold uniform_policy. assert (range := entropy_range (actions M) (ρ h s) (pol h s inside)).
  assert (value := entropy_uniform (actions M) (ρ h s) (proj2 (pol h s inside))). lra.
Qed.

(** Label: thm-mirror-ascent.
    Part: rate.
    Covers: the rate over the whole polytope.
    Words: for every kernel, every d of the visitation polytope and every t >= 1,
    H_visit(d) - F(pi_t) <= (1 - 1/H)^t H (H + 1) / 2 log A.
    Narrower: t >= 1. *)
Theorem mirror_ascent_rate_polytope : forall {State Action : Type} (M : process State Action)
  (H t : nat) (d : nat -> State * Action -> R),
  (0 < H)%nat -> (0 < t)%nat -> well_formed M -> flow M H d ->
  visit_entropy M H d - objective M H (mirror_ascent M H (uniform_policy M) t)
  <= (1 - / INR H) ^ t * (INR H * (INR H + 1) / 2 * ln (INR (length (actions M)))).
Proof.
  intros State Action M H t d stages later well fl.
  destruct (polytope_markov M H d well fl) as [pol same].
  assert (value : visit_entropy M H d = objective M H (realisation M H d)).
  { apply sum_ext. intros h stage. apply in_seq_0 in stage. apply entropy_ext.
    intros sa inP. symmetry. apply same; assumption. }
  destruct (uniform_policy_positive M well) as [pol0 full0].
  assert (rate := mirror_ascent_rate M H t _ _ stages later well pol pol0 full0).
  assert (first := start_divergence M H _ well pol).
  assert (range := contraction_range H stages).
  assert (power : 0 <= (1 - / INR H) ^ t) by (apply pow_le; lra).
  rewrite value. apply Rle_trans with (1 := rate). apply Rmult_le_compat_l; assumption.
Qed.
